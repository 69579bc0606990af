"""The strict graders: only what stands after the thought counts, and a box comes before all else.

Mathematics is compared by math-verify (https://github.com/huggingface/Math-Verify). Its own time limit is off,
for it needs the main thread and cannot stop C code: `pool.score_all` bounds a row from outside.
"""

import logging
import re

from thinksafe import thought
from thinksafe.benchmarks.base import Problem, Score
from thinksafe.benchmarks.extraction import last_boxed
from thinksafe.benchmarks.latex import plain

METRIC = "accuracy"

_STATED = re.compile(r"answer\s*(?:is|:|=)\s*:?\s*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"\n|\.\s")
_BRACKETED = re.compile(r"\[([^\[\],]+)\]\.?")
_LETTER = re.compile(r"\W*(?:\\(?:text|mathrm|mathbf|textbf)\s*\{)?\W*([A-D])(?![A-Za-z0-9])")


def mathematics(problem: Problem, text: str) -> Score:
    """Whether the answer after the thought equals the gold one; no answer is wrong, with the reason `no-answer`."""
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that its time limit is off
    if problem.gold is None or not (gold := parse(_boxed(problem.gold), parsing_timeout=None)):  # pyright: ignore
        return Score(None, "gold-unreadable")
    said = stated(thought.split(text).answer)
    if not said:
        return Score({METRIC: 0.0}, "no-answer")
    # Words ("east") have no algebra, and outside a box math-verify does not read them.
    same = plain(said).casefold() == plain(problem.gold).casefold()
    right = same or verify(gold, parse(said, parsing_timeout=None), timeout_seconds=None)  # pyright: ignore
    return Score({METRIC: float(right)})


def letter(problem: Problem, text: str) -> Score:
    """Whether the letter (A to D) in the box, after "answer is", or standing alone is the gold one."""
    answer = thought.split(text).answer
    box = last_boxed(answer)
    if box is not None:
        found = _LETTER.match(box)
    else:
        parts = _STATED.split(answer)
        found = _LETTER.match(parts[-1]) if len(parts) > 1 else re.fullmatch(r"\W*([A-D])\W*", answer)
    if not found:
        return Score({METRIC: 0.0}, "no-answer")
    return Score({METRIC: float(found[1] == problem.gold)})


def stated(answer: str) -> str:
    """The part of an answer to compare: its last box, else the sentence after the last "answer is", else all of it."""
    answer = answer.replace("\\$", "")
    box = last_boxed(answer)
    if box is not None:
        return _boxed(box) if box else ""
    parts = _STATED.split(answer)
    if len(parts) == 1:
        return answer
    last = _SENTENCE_END.split(parts[-1].lstrip("*: \n"), maxsplit=1)[0]
    bracketed = _BRACKETED.fullmatch(last.strip())  # GSM8K's prompt says [answer], and some models take it literally
    return bracketed[1] if bracketed else last or answer


def _boxed(answer: str) -> str:
    return f"\\boxed{{{answer}}}"
