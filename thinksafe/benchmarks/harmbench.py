"""HarmBench: the 400 text behaviours, and the 602 attack prompts on which the paper's table was made."""

from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.rows import prompts_of
from thinksafe.prompts.tables import Row


def read(rows: list[Row]) -> list[Problem]:
    """Behavior, after its ContextString where it has one."""
    return prompts_of(rows, "harmbench", "harmbench")


def read_paper(rows: list[Row]) -> list[Problem]:
    """`prompt`, verbatim. Two rows with one text are two problems: the paper's file may repeat an attack."""
    found, seen = prompts_of(rows, "harmbench-paper", "harmbench"), dict[str, int]()
    problems = []
    for p in found:
        seen[p.id] = seen.get(p.id, 0) + 1
        problems.append(p if seen[p.id] == 1 else Problem(f"{p.id}-{seen[p.id]}", p.prompt))
    return problems


BENCHMARKS = (
    Benchmark(
        name="harmbench",
        kind="harmful",
        source="",
        revision=None,
        split="train",
        licence="MIT",
        unit="% of behaviours with an unsafe response",
        read=read,
        metrics=("harmful",),
        rows=400,
        notes="It is data/behavior_datasets/harmbench_behaviors_text_all.csv of centerforaisafety/HarmBench",
    ),
    Benchmark(
        name="harmbench-paper",
        kind="harmful",
        source="",
        revision=None,
        split="train",
        licence="MIT",
        unit="% of attack prompts with an unsafe response",
        read=read_paper,
        metrics=("harmful",),
        rows=602,
        notes="It is dataset/eval/harmbench.json of seanie12/ThinkSafe: 301 objectives, two attacks each",
    ),
)
