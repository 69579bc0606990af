"""GPQA diamond: 198 questions with four options each."""

import random

from thinksafe.benchmarks import paper, strict
from thinksafe.benchmarks.base import Benchmark, Problem, Score
from thinksafe.benchmarks.rows import numbered
from thinksafe.benchmarks.scores import both
from thinksafe.prompts.tables import Row
from thinksafe.prompts.text import short_hash

# To the letter as in the paper's harness.
TEMPLATE = (
    "Return your final response within \\boxed{{}} and only include the letter choice (A, B, C, or D) as your final "
    "response. {question}\n{options}"
)
OPTIONS = ("Correct Answer", "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def read(rows: list[Row]) -> list[Problem]:
    """The options' order is a function of the question alone: the paper's harness draws it anew in each run."""
    problems = []
    for cells in numbered(rows, "gpqa-diamond"):
        question, options = cells.text("Question"), [cells.text(name) for name in OPTIONS]
        identity = cells.optional("Record ID") or short_hash(question)
        order = random.Random(f"gpqa-diamond {identity}").sample(range(4), 4)
        shown = ", ".join(f"{letter}) {options[place]}" for letter, place in zip("ABCD", order, strict=True))
        problems.append(
            Problem(
                identity,
                TEMPLATE.format(question=question, options=shown),
                gold="ABCD"[order.index(0)],
                category=cells.optional("High-level domain"),
            )
        )
    return problems


def score(problem: Problem, text: str) -> Score:
    """Strict and as in the paper."""
    return both(strict.letter(problem, text), paper.letter(problem, text))


BENCHMARKS = (
    Benchmark(
        name="gpqa-diamond",
        kind="accuracy",
        source="hf://Idavidrein/gpqa/gpqa_diamond.csv",
        revision=None,
        split="train",
        licence="CC-BY-4.0",
        unit="% of answers right",
        read=read,
        metrics=(strict.METRIC, paper.METRIC),
        scorer=score,
        rows=198,
        notes="Gated on the hub: accept its terms and set HF_TOKEN",
    ),
)
