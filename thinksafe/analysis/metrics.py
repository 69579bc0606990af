"""From single verdicts to the table of metrics: base beside aligned, each with its interval and paired difference."""

from collections.abc import Iterable, Mapping
from typing import NotRequired, TypedDict

from thinksafe.analysis.intervals import clustered_mean, paired_difference
from thinksafe.benchmarks import paper, strict

# What a benchmark's value is called when no row of it could be scored, so that the failure still has a line.
NAME_OF_KIND = {"harmful": "harmful", "refusal": "refusal", "accuracy": strict.METRIC}
# The scorer that repeats the paper's harness also reads what stands before a cut; every other one asks for an answer.
READS_BEFORE_THE_CUT = paper.METRIC


class DifferenceToBase(TypedDict):
    """Aligned minus base over `n` shared problems, 95% interval."""

    value: float
    low: float
    high: float
    n: int


class Metric(TypedDict):
    """One line of the table. Shares from 0 to 1, 95% interval; `value` and bounds are None if nothing was scored.

    `n` counts scored rows; `unscored` ones are outside it. `truncated` rows are counted apart: of an accuracy they
    are in `n` as wrong, of the other kinds they are judged as they stand.
    """

    model: str
    benchmark: str
    metric: str
    kind: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    truncated: int
    unscored: int
    difference: NotRequired[DifferenceToBase | None]


def measure(rows: Iterable[Mapping]) -> list[Metric]:
    """Metrics of every (benchmark, metric), base first, in the benchmarks' order of appearance.

    A row is `{model: base|aligned, benchmark, kind, problem, sample, category, values: {metric: 0..1} | None, reason,
    truncated, tokens}`. A metric that is missing in a row's `values` is unscored in it.
    """
    by_benchmark: dict[str, list[Mapping]] = {}
    for row in rows:
        by_benchmark.setdefault(row["benchmark"], []).append(row)
    return [metric for found in by_benchmark.values() for metric in _benchmark(found)]


def scored(row: Mapping, name: str) -> float | None:
    """The row's value of one metric, or None if it is unscored."""
    value = (row["values"] or {}).get(name)
    if row["kind"] == "accuracy" and row["truncated"] and (name != READS_BEFORE_THE_CUT or value is None):
        return 0.0
    return None if value is None else float(value)


def _benchmark(rows: list[Mapping]) -> list[Metric]:
    kind = rows[0]["kind"]
    measured = {name for row in rows for name in row["values"] or {}}
    # A judge that could read nothing has its line, too, beside whatever else was measured: no other metric stands in.
    judged = {NAME_OF_KIND[kind]} if kind == "harmful" or not measured else set[str]()
    names = sorted(measured | judged)
    found = []
    for name in names:
        values = {model: _by_problem(rows, model, name) for model in ("base", "aligned")}
        for model in ("base", "aligned"):
            of_model = [row for row in rows if row["model"] == model]
            if of_model:
                found.append(_metric(of_model, model, name, values[model]))
        if found[-1]["model"] == "aligned":
            found[-1]["difference"] = _difference(values["base"], values["aligned"])
    return found


def _by_problem(rows: Iterable[Mapping], model: str, name: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["model"] == model and (value := scored(row, name)) is not None:
            found.setdefault(row["problem"], []).append(value)
    return found


def _metric(rows: list[Mapping], model: str, name: str, values: dict[str, list[float]]) -> Metric:
    estimate = clustered_mean(values) if values else None
    n = estimate.n if estimate else 0
    return {
        "model": model,
        "benchmark": rows[0]["benchmark"],
        "metric": name,
        "kind": rows[0]["kind"],
        "value": estimate and estimate.value,
        "low": estimate and estimate.low,
        "high": estimate and estimate.high,
        "n": n,
        "truncated": sum(1 for row in rows if row["truncated"]),
        "unscored": len(rows) - n,
    }


def _difference(base: dict[str, list[float]], aligned: dict[str, list[float]]) -> DifferenceToBase | None:
    if not base.keys() & aligned.keys():
        return None
    found = paired_difference(base, aligned)
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
