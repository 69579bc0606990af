r"""Every gold answer of GSM8K and MATH-500 is right for both graders, and wrong with another value.

"Another value": the first digit that is not 0 becomes the next one (9 becomes 1), which moves a number by a tenth at
least and never by the factor 100 that the paper's grader forgives. Gold answers without such a digit are words,
letters, zeros and expressions; each gets a stranger of its own kind, written down here.
"""

import re

import pytest

from thinksafe import benchmarks

FILES = {"gsm8k": "gsm8k_test.jsonl", "math500": "math500.jsonl"}
STRANGERS = {
    "0": "7", "p - q": "p + q", "\\pi": "3\\pi", "\\cot x": "\\tan x", "(-\\infty, 0]": "(-\\infty, 5]",
    "\\text{Evelyn}": "\\text{Carla}", "\\text{Navin}": "\\text{Carla}", "\\text{east}": "\\text{west}",
    "\\text{even}": "\\text{odd}", "\\text{ellipse}": "\\text{circle}",
    "\\text{(B)}": "\\text{(D)}", "\\text{(C)}": "\\text{(D)}", "\\text{(E)}": "\\text{(D)}",
}  # fmt: skip


def changed(gold: str) -> str:
    found = re.search(r"[1-9]", gold)
    if not found:
        return STRANGERS[gold]
    return gold[: found.start()] + str(int(found[0]) % 9 + 1) + gold[found.end() :]


def grades(data, name: str, answer, limit: int | None = None) -> set:
    benchmark = benchmarks.get(name)
    problems = benchmarks.load_problems(benchmark, source=str(data / FILES[name]), limit=limit)
    assert len(problems) == (limit or benchmark.rows)
    scores = benchmarks.score_all(benchmark, [(p, answer(p.gold)) for p in problems])
    return {(s.values and tuple(sorted(s.values.items())), s.reason) for s in scores}


RIGHT = {((("accuracy", 1.0), ("accuracy-paper", 1.0)), "")}
WRONG = {((("accuracy", 0.0), ("accuracy-paper", 0.0)), "")}


@pytest.mark.parametrize("name", FILES)
def test_a_sample_of_gold_answers_is_right(data, name):
    assert grades(data, name, lambda gold: f"<think>Maybe 77?</think>So it is $\\boxed{{{gold}}}$.", limit=60) == RIGHT


@pytest.mark.parametrize("name", FILES)
def test_a_sample_of_changed_answers_is_wrong(data, name):
    said = grades(data, name, lambda gold: f"<think>Hm.</think>So it is $\\boxed{{{changed(gold)}}}$.", limit=40)
    assert said == WRONG


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_gold_answer_is_right(data, name):
    assert grades(data, name, lambda gold: f"<think>Maybe 77?</think>So it is $\\boxed{{{gold}}}$.") == RIGHT


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_every_changed_answer_is_wrong(data, name):
    assert grades(data, name, lambda gold: f"<think>Hm.</think>So it is $\\boxed{{{changed(gold)}}}$.") == WRONG


@pytest.mark.slow
def test_every_gsm8k_answer_is_right_as_its_prompt_asks_for_it(data):
    assert grades(data, "gsm8k", lambda gold: f"<think>Hm.</think>Easy.\nThe final answer is {gold}.") == RIGHT
    assert grades(data, "gsm8k", lambda gold: f"<think>Hm.</think>The final answer is ${int(gold):,}.") == RIGHT
