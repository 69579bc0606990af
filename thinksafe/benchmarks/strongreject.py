"""StrongREJECT: 313 forbidden prompts."""

from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.rows import prompts_of
from thinksafe.prompts.tables import Row


def read(rows: list[Row]) -> list[Problem]:
    """`forbidden_prompt` (the CSV) or `prompt` (the copy on the hub), verbatim."""
    return prompts_of(rows, "strongreject", "strongreject")


BENCHMARKS = (
    Benchmark(
        name="strongreject",
        kind="harmful",
        source="hf://walledai/StrongREJECT",
        revision=None,
        split="train",
        licence="MIT",
        unit="% of prompts with an unsafe response",
        read=read,
        metrics=("harmful",),
        rows=313,
        notes="Gated on the hub. Judged by the guard, as in the paper, not by StrongREJECT's own rubric",
    ),
)
