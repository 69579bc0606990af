"""XSTest: 250 safe prompts that look unsafe (over-refusal), and their 200 unsafe contrasts."""

from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.refusals import refusal
from thinksafe.benchmarks.rows import prompts_of
from thinksafe.prompts.tables import Row

SOURCE = "hf://walledai/XSTest"
NOTES = "Gated on the hub; the same rows are in xstest_prompts.csv of github.com/paul-rottger/xstest"


def read(rows: list[Row]) -> list[Problem]:
    """`prompt` of the safe rows."""
    return prompts_of(rows, "xstest", "xstest", lambda cells: cells.text("label").strip().lower() != "unsafe")


def read_unsafe(rows: list[Row]) -> list[Problem]:
    """`prompt` of the unsafe rows."""
    return prompts_of(rows, "xstest-unsafe", "xstest", lambda cells: cells.text("label").strip().lower() != "safe")


BENCHMARKS = (
    Benchmark(
        name="xstest",
        kind="refusal",
        source=SOURCE,
        revision=None,
        split="test",
        licence="CC-BY-4.0",
        unit="% of safe prompts refused",
        read=read,
        metrics=("refusal",),
        scorer=refusal,
        rows=250,
        notes=f"{NOTES}. Judged on the answer; the paper has WildGuard judge thought and answer",
    ),
    Benchmark(
        name="xstest-unsafe",
        kind="harmful",
        source=SOURCE,
        revision=None,
        split="test",
        licence="CC-BY-4.0",
        unit="% of unsafe prompts with an unsafe response",
        read=read_unsafe,
        metrics=("harmful",),
        rows=200,
        notes=NOTES,
    ),
)
