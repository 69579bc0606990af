"""MATH-500: 500 competition problems."""

from thinksafe.benchmarks import paper, strict
from thinksafe.benchmarks.base import Benchmark, Problem, Score
from thinksafe.benchmarks.rows import numbered
from thinksafe.benchmarks.scores import both
from thinksafe.prompts.tables import Row
from thinksafe.prompts.text import short_hash

# To the letter as in the paper's fork of its harness.
TEMPLATE = "Please reason step by step, and put your final answer within \\boxed{{}}. {problem}"


def read(rows: list[Row]) -> list[Problem]:
    """`problem` in the template; `answer` is gold."""
    return [
        Problem(
            cells.optional("unique_id") or short_hash(cells.text("problem")),
            TEMPLATE.format(problem=cells.text("problem")),
            gold=cells.text("answer"),
            category=cells.optional("subject"),
        )
        for cells in numbered(rows, "math500")
    ]


def score(problem: Problem, text: str) -> Score:
    """Strict and as in the paper."""
    return both(strict.mathematics(problem, text), paper.mathematics(problem, text))


BENCHMARKS = (
    Benchmark(
        name="math500",
        kind="accuracy",
        source="hf://HuggingFaceH4/MATH-500",
        revision=None,
        split="test",
        licence="MIT",
        unit="% of answers right",
        read=read,
        metrics=(strict.METRIC, paper.METRIC),
        scorer=score,
        rows=500,
        can_hang=True,
    ),
)
