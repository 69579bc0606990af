"""AdvBench: 520 harmful behaviours."""

from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.rows import prompts_of
from thinksafe.prompts.tables import Row


def read(rows: list[Row]) -> list[Problem]:
    """`goal`, `prompt` or, in HarmBench's columns, `Behavior`, verbatim."""
    return prompts_of(rows, "advbench", "advbench")


BENCHMARKS = (
    Benchmark(
        name="advbench",
        kind="harmful",
        source="hf://walledai/AdvBench",
        revision=None,
        split="train",
        licence="MIT",
        unit="% of behaviours with an unsafe response",
        read=read,
        metrics=("harmful",),
        rows=520,
        notes="Gated on the hub; the same rows are in harmful_behaviors.csv of github.com/llm-attacks/llm-attacks",
    ),
)
