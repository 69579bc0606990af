"""The paper's graders, with the traps of its harness: they are kept on purpose."""

import pytest

from thinksafe.benchmarks import paper
from thinksafe.benchmarks.base import Problem
from thinksafe.benchmarks.latex import plain


def right(grader, gold, text) -> bool:
    return grader(Problem("p", "", gold), text).values == {"accuracy-paper": 1.0}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<think>\\boxed{1}</think>the answer is 2", "1"),  # a box in the thought comes before the answer's words
        ("\\boxed{1} and \\boxed{2}", "2"),
        ("\\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("cut off \\boxed{12", "12"),
        ("$\\boxed 7$ it is", "7"),
        ("The answer is 3.", "3"),
        ("The final answer is 4 dollars.", "4dollars"),
        ("So 1,234 and then 5.5", "5.5"),
        ("nothing", ""),
    ],
)
def test_extraction_reads_the_whole_output(text, found):
    assert paper.extracted(text) == found


@pytest.mark.parametrize(
    ("gold", "text", "expected"),
    [
        ("18", "The final answer is 18.", True),
        ("18", "The final answer is $18 dollars.", True),
        ("1234", "\\boxed{1,234}", True),
        ("18", "<think>18</think>", True),  # the last number of the thought will do
        ("18", "18 is it; I checked 2 times", False),
        ("18.5", "\\boxed{18.50}", False),  # strings are compared
        ("18", "\\boxed{18.00}", True),
        ("18", "\\boxed{1800}", False),  # no factor of 100 here
        ("18", "no number", False),
    ],
)
def test_gsm8k(gold, text, expected):
    assert right(paper.gsm8k, gold, text) == expected


@pytest.mark.parametrize(
    ("gold", "said", "expected"),
    [
        ("18", "18", True), ("18", "1800", True), ("18", "0.18", True), ("18", "18.001", True), ("18", "18.1", False),
        ("1,234", "1234", True), ("0.5", "\\frac{1}{2}", True), ("\\frac{1}{2}", "\\dfrac12", True),
        ("(1,2)", "(2,1)", False), ("(1,\\frac{1}{2})", "(1, 0.5)", True), ("[0,1)", "(0,1]", True),
        ("3", "x=3", True), ("x=3", "3", True), ("y=2x+1", "2x+1=y", True), ("y=2x", "y=3x", False),
        ("x^2+2x+1", "(x+1)^2", True), ("x+1", "x+2", False), ("\\text{Evelyn}", "evelyn", True),
        ("90^\\circ", "90", True), ("50\\%", "50", True), ("\\$5", "5", True), ("5\\text{ cm}", "5", True),
        ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{bmatrix}1\\\\2\\end{bmatrix}", True),
        ("\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "\\begin{pmatrix}1\\\\3\\end{pmatrix}", False), ("18", "", False),
    ],
)  # fmt: skip
def test_mathematics(gold, said, expected):
    assert right(paper.mathematics, gold, f"<think>x</think>\\boxed{{{said}}}") == expected


@pytest.mark.parametrize(
    ("text", "letter"),
    [("\\boxed{B}", "B"), ("<think>x</think>\\boxed{B}. That was a nice one", "A"), ("\\boxed{c}", "C"),
     ("I think it is b or d", "D"), ("Benzene", None)],
)  # fmt: skip
def test_gpqa_takes_the_last_letter_of_the_upper_cased_output(text, letter):
    for gold in "ABCD":
        assert right(paper.letter, gold, text) == (gold == letter)


@pytest.mark.parametrize("grader", [paper.gsm8k, paper.mathematics])
def test_a_missing_gold_is_unscored(grader):
    assert grader(Problem("p", "", None), "\\boxed{1}").values is None


@pytest.mark.parametrize(
    ("written", "form"),
    [("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})"), ("\\frac34", "\\frac{3}{4}"),
     ("3/4", "\\frac{3}{4}"),
     ("\\sqrt2", "\\sqrt{2}"), (".5", "0.5"), ("3.00", "3"), ("1.050", "1.050"), ("10.05", "10.05"),
     ("\\mathrm{A}", "A"), ("12\\text{ cm}^2", "12")],
)  # fmt: skip
def test_the_plain_form(written, form):
    assert plain(written) == form
    assert plain(plain(written)) == plain(written)
