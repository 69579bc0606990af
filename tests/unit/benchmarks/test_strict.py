"""The strict graders read the answer, the box first, and nothing of the thought."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.benchmarks import strict
from thinksafe.benchmarks.base import Problem


def grade(gold, text, grader=strict.mathematics):
    return grader(Problem("p", "", gold), text)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("18", "The final answer is 18."), ("18", "The final answer is $18"), ("18", "The final answer is **18**."),
        ("18", "The final answer is [18]"), ("18", "The final answer is 18 dollars."), ("18", "**Answer:**\n18"),
        ("18", "Final Answer: \\[ 18 \\]"), ("18", "The answer is 18. I checked it twice, in 3 ways."),
        ("1234", "The final answer is 1,234."), ("70000", "It is \\boxed{\\$70,000}."),
        ("70000", "answer is \\$70,000"),
        ("5", "\\boxed{5.00}"), ("0.5", "\\boxed{\\frac12}"), ("\\frac{1}{2}", "The answer is \\[\\frac{1}{2}\\]."),
        ("[0,1]", "The answer is $[0, 1]$."), ("\\text{east}", "The answer is East."),
        ("-3", "The final answer is -3."),
        ("2", "First \\boxed{1}, no: \\boxed{2}"), ("18", "4 apples and 5 pears make 18"),
    ],
)  # fmt: skip
def test_right(gold, answer):
    assert grade(gold, f"<think>77</think>{answer}").values == {"accuracy": 1.0}


@pytest.mark.parametrize(
    ("gold", "answer"),
    [("18", "\\boxed{180}"), ("18", "\\boxed{0.18}"), ("18", "\\boxed{18} or rather \\boxed{19}"), ("18", "nineteen"),
     ("(1,2)", "\\boxed{(2,1)}"), ("x+1", "\\boxed{x-1}"), ("[0,1]", "\\boxed{(0,1)}"), ("18", "\\boxed{17.9}")],
)  # fmt: skip
def test_wrong(gold, answer):
    assert grade(gold, f"<think>\\boxed{{{gold}}}</think>{answer}").values == {"accuracy": 0.0}


@pytest.mark.parametrize("text", ["<think>\\boxed{18}", "<think>\\boxed{18}</think>", "<think>x</think>\\boxed{}", ""])
def test_no_answer_is_wrong_and_says_so(text):
    found = grade("18", text)
    assert (found.values, found.reason) == ({"accuracy": 0.0}, "no-answer")


@pytest.mark.parametrize("gold", [None, ""])
def test_a_gold_that_cannot_be_read_is_unscored(gold):
    found = grade(gold, "<think>x</think>\\boxed{18}")
    assert (found.values, found.reason) == (None, "gold-unreadable")


@settings(deadline=None, max_examples=50)
@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_whole_numbers_are_equal_to_themselves_alone(gold, said):
    assert grade(str(gold), f"</think>\\boxed{{{said}}}").values == {"accuracy": float(gold == said)}


@pytest.mark.parametrize(
    ("answer", "letter"),
    [("\\boxed{B}", "B"), ("\\boxed{\\text{B}}", "B"), ("\\boxed{(B)}", "B"), ("\\boxed{B) water}", "B"),
     ("The answer is **B**.", "B"), ("The answer is (B) because A is wrong", "B"), ("B.", "B"),
     ("\\boxed{B}. A nice one", "B"),
     ("Answer: B", "B")],
)  # fmt: skip
def test_letters(answer, letter):
    for gold in "ABCD":
        expected = {"accuracy": float(gold == letter)}
        assert grade(gold, f"<think>\\boxed{{A}}</think>{answer}", strict.letter).values == expected


@pytest.mark.parametrize(
    "answer",
    ["", "\\boxed{}", "\\boxed{Benzene}", "\\boxed{vitamin C}", "A good question", "The answer is a mix of both"],
)
def test_no_letter_is_no_answer(answer):
    found = grade("A", f"<think>A</think>{answer}", strict.letter)
    assert (found.values, found.reason) == ({"accuracy": 0.0}, "no-answer")
