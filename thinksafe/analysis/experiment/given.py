"""What the combined report is made from: one variant as its run left it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from thinksafe.analysis.gate import PRIMARY
from thinksafe.analysis.metrics import scored

Benchmark = tuple[str, str]  # its kind and its name
Values = dict[Benchmark, dict[str, list[float]]]  # by problem, one value a sample
# Phases of a variant whose report is there.
MEASURED = ("Succeeded", "GateFailed")


@dataclass(frozen=True)
class Made:
    """One artifact of a run: its digest, the stage that makes it, and what making it took, wherever it was made."""

    digest: str
    stage: str
    seconds: float = 0.0
    gpu_seconds: float = 0.0
    tokens: int = 0


@dataclass(frozen=True)
class Given:
    """A variant: where its run is and how it ended.

    `summary` (a checked thinksafe.dev/summary/v1), `base`, `aligned` and `artifacts` are there if the run was
    measured. `patch` is the one of the manifest. `why` says why there is no summary.
    """

    name: str
    run: str
    namespace: str
    uid: str
    phase: str
    why: str = ""
    patch: Mapping[str, Any] = field(default_factory=dict)
    generator_from: str | None = None
    summary: Mapping[str, Any] | None = None
    base: Values = field(default_factory=dict)
    aligned: Values = field(default_factory=dict)
    artifacts: tuple[Made, ...] = ()


def values(rows: Iterable[Mapping]) -> Values:
    """Of the rows of one model's verdicts, every benchmark's primary metric by problem; unscored rows are left out.

    A row is `{benchmark, kind, id, values: {metric: 0..1} | None, truncated}`. Only numbers are kept of it.
    """
    by_benchmark: dict[Benchmark, list[Mapping]] = {}
    for row in rows:
        by_benchmark.setdefault((row["kind"], row["benchmark"]), []).append(row)
    return {key: _by_problem(found) for key, found in by_benchmark.items()}


def _by_problem(rows: list[Mapping]) -> dict[str, list[float]]:
    names = sorted({name for row in rows for name in row["values"] or {}})
    primary = next((name for name in PRIMARY if name in names), names[0] if names else "")
    found: dict[str, list[float]] = {}
    for row in rows:
        if (value := scored(row, primary)) is not None:
            found.setdefault(row["id"], []).append(value)
    return found
