"""The paper's graders: our own code for the rules of the harness with which its tables were made (a SkyThought fork).

They read the whole output, thinking included, and have traps, kept on purpose so that figures can be compared:
 - the last box anywhere counts, also one in the thought, also an unclosed one; then "he answer is", "final answer
   is", and then the last number of the text;
 - GSM8K compares strings, so 18.50 is not 18.5, and keeps asterisks and inner full stops, for its cleaner's
   pattern for both never matches;
 - mathematics takes a number as right that is 100 times too large or too small, and to a relative 1e-4;
 - GPQA upper-cases the output, so the English article "a" after the box is an answer A.
Report them beside the strict ones, never alone.
"""

import math
import re

from thinksafe.benchmarks.base import Problem, Score
from thinksafe.benchmarks.extraction import closing
from thinksafe.benchmarks.latex import plain, same_expression

METRIC = "accuracy-paper"
TOLERANCE = 1e-4

_NUMBER = re.compile(r"-?\d*\.?\d+")
_GSM8K = re.compile(r"((-?[$0-9.,]{2,})|(-?[0-9]+))")
_LETTER = re.compile(r"\b(A|B|C|D)\b")
_GROUP = re.compile(r"[(\[].+[)\]]", re.DOTALL)
_MATRIX = re.compile(r"\\begin\{[pb]matrix\}(.*)\\end\{[pb]matrix\}", re.DOTALL)


def gsm8k(problem: Problem, text: str) -> Score:
    """The last number of the extracted answer, as a string, against the gold's."""
    if problem.gold is None:
        return Score(None, "gold-unreadable")
    found = _GSM8K.findall(re.sub(r"[,$]", "", extracted(text)))
    return Score({METRIC: float(bool(found) and found[-1][0].strip() == problem.gold)})


def mathematics(problem: Problem, text: str) -> Score:
    """The extracted answer against the gold's: as text, as number, part by part, and as an expression."""
    if problem.gold is None:
        return Score(None, "gold-unreadable")
    return Score({METRIC: float(equal(extracted(text), plain(problem.gold)))})


def letter(problem: Problem, text: str) -> Score:
    """The last word of the upper-cased output that is A, B, C or D."""
    found = _LETTER.findall(text.upper())
    return Score({METRIC: float(bool(found) and found[-1] == problem.gold)})


def extracted(text: str) -> str:
    """The final answer of an output, in plain form; empty if there is none."""
    if "boxed" in text:
        found = _after_boxed(text.rpartition("boxed")[2])
    elif "he answer is" in text:
        found = text.rpartition("he answer is")[2].strip()
    elif "final answer is" in text:
        found = text.rpartition("final answer is")[2].strip()
    else:
        found = (_NUMBER.findall(text.replace(",", "")) or [""])[-1]
    found = re.sub(r"\n\s*", "", found).removeprefix(":").removesuffix(".").removesuffix("/")
    return plain(found)


def _after_boxed(rest: str) -> str:
    if not rest.startswith("{"):
        return rest.partition("$")[0].strip()
    end = closing(rest, 1)
    return rest[1:] if end is None else rest[1:end]


def equal(said: str, gold: str) -> bool:
    """Equality of two answers in plain form, as the paper's harness has it."""
    if said.strip().lower() == gold.strip().lower():
        return True
    numbers = number(said), number(gold)
    if numbers[0] is not None and numbers[1] is not None:
        wanted = numbers[1]
        return any(math.isclose(numbers[0], x, rel_tol=TOLERANCE) for x in (wanted, wanted / 100, wanted * 100))
    if not said:
        return False
    if _unbracketed(said) == _unbracketed(gold):
        return True
    return _parts_equal(said, gold) or _equations_equal(said, gold) or same_expression(said, gold, TOLERANCE)


def number(text: str) -> float | None:
    """A decimal number, thousands commas allowed; None for all else. (`plain` has removed a per cent sign.)"""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def _unbracketed(text: str) -> str:
    return re.sub(r"[{}()\[\]]", "", text).lower()


def _parts_equal(said: str, gold: str) -> bool:
    """Tuples, intervals and matrices, part by part."""
    rows = _matrix(said), _matrix(gold)
    if rows[0] and rows[1]:
        cells = [[cell for row in matrix for cell in row] for matrix in rows if matrix]
        same_shape = [len(r) for r in rows[0]] == [len(r) for r in rows[1]]
        return same_shape and all(equal(a.strip(), b.strip()) for a, b in zip(*cells, strict=True))
    if not (_GROUP.fullmatch(said) and _GROUP.fullmatch(gold)):
        return False
    parts = said[1:-1].split(","), gold[1:-1].split(",")
    if len(parts[0]) != len(parts[1]) or len(parts[0]) == 1:
        return False
    return all(equal(a.strip(), b.strip()) for a, b in zip(*parts, strict=True))


def _matrix(text: str) -> list[list[str]] | None:
    found = _MATRIX.fullmatch(text)
    return [row.split("&") for row in found[1].split("\\\\") if row.strip()] if found else None


def _equations_equal(said: str, gold: str) -> bool:
    """`x=3` equals `3`; two equations are equal if their differences of sides are, up to the sign."""
    if said.count("=") == 1 and gold.count("=") == 1:
        one, other = (f"{left}-({right})" for left, right in (t.split("=") for t in (said, gold)))
        return same_expression(one, other, TOLERANCE) or same_expression(f"-({one})", other, TOLERANCE)
    for one, other in ((said, gold), (gold, said)):
        left, sign, right = one.partition("=")
        if sign and "=" not in right and "=" not in other and len(left.strip()) <= 2:
            return equal(right, other) if one is said else equal(other, right)
    return False
