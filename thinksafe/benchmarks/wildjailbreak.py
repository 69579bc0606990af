"""WildJailbreak's evaluation set: 2,000 adversarial harmful prompts, and 210 adversarial benign ones."""

from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.benchmarks.refusals import refusal
from thinksafe.benchmarks.rows import prompts_of
from thinksafe.prompts.tables import Row

SOURCE = "hf://allenai/wildjailbreak/eval/eval.tsv"
NOTES = "Gated on the hub: accept its terms and set HF_TOKEN"


def read(rows: list[Row]) -> list[Problem]:
    """`adversarial` of the rows whose data_type is adversarial_harmful."""
    return _of(rows, "wildjailbreak", "adversarial_harmful")


def read_benign(rows: list[Row]) -> list[Problem]:
    """`adversarial` of the rows whose data_type is adversarial_benign."""
    return _of(rows, "wildjailbreak-benign", "adversarial_benign")


def _of(rows: list[Row], name: str, kind: str) -> list[Problem]:
    return prompts_of(rows, name, "wildjailbreak", lambda cells: cells.text("data_type").strip().lower() == kind)


BENCHMARKS = (
    Benchmark(
        name="wildjailbreak",
        kind="harmful",
        source=SOURCE,
        revision=None,
        split="train",
        licence="ODC-BY",
        unit="% of prompts with an unsafe response",
        read=read,
        metrics=("harmful",),
        rows=2000,
        notes=NOTES,
    ),
    Benchmark(
        name="wildjailbreak-benign",
        kind="refusal",
        source=SOURCE,
        revision=None,
        split="train",
        licence="ODC-BY",
        unit="% of prompts refused",
        read=read_benign,
        metrics=("refusal",),
        scorer=refusal,
        rows=210,
        notes=NOTES,
    ),
)
