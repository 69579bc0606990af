"""AIME 2024: 30 problems whose answers are whole numbers from 0 to 999."""

from thinksafe.benchmarks import math500, paper, strict
from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.rows import numbered
from thinksafe.prompts.tables import Row
from thinksafe.prompts.text import short_hash


def read(rows: list[Row]) -> list[Problem]:
    """The rows whose url names 2024; where there is no such column, all rows are of that year."""
    problems = []
    for cells in numbered(rows, "aime24"):
        if "url" in cells.row and "2024" not in (cells.optional("url") or ""):
            continue
        upper = "Problem" in cells.row
        question, gold = cells.text("Problem" if upper else "problem"), cells.text("Answer" if upper else "answer")
        if not gold.strip().isdecimal():
            raise cells.fail("the answer is not a whole number")
        identity = cells.optional("ID" if upper else "id") or short_hash(question)
        problems.append(Problem(identity, math500.TEMPLATE.format(problem=question), gold=str(int(gold))))
    return problems


BENCHMARKS = (
    Benchmark(
        name="aime24",
        kind="accuracy",
        source="hf://AI-MO/aimo-validation-aime",
        revision=None,
        split="train",
        licence="Apache-2.0",
        unit="% of answers right",
        read=read,
        metrics=(strict.METRIC, paper.METRIC),
        scorer=math500.score,
        rows=30,
        can_hang=True,
        notes="With 30 problems a mean over 8 samples has a standard error of 4 to 8 points: read paired differences",
    ),
)
