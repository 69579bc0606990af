"""A run's figures beside the paper's, column by column, and whether their difference is more than chance. Pure.

Two samples are compared that have nothing in common but the problems' texts: the paper does not publish which answers
were right, so nothing can be paired. The interval of their difference is MOVER's of both intervals (intervals.py).
"""

from collections.abc import Iterator, Mapping, Sequence

from thinksafe.analysis.figures.outcome import Average, average
from thinksafe.analysis.intervals import independent_difference
from thinksafe.analysis.paper.figures import AVERAGES, INITIAL, Column, Result, figures
from thinksafe.analysis.paper.protocol import differs, method_of
from thinksafe.spec import RunSpec


def beside(spec: RunSpec, metrics: Sequence[Mapping]) -> list[dict]:
    """One comparison of the base model and one of the adapter, as `summary.Paper`; none for a model of no table.

    `metrics` are those of `metrics.measure`. A comparison without any figure on both sides is left out.
    """
    model = figures().model_of(spec.model.name)
    found = []
    for who, method in (("base", INITIAL), ("aligned", method_of(spec))) if model else ():
        result = figures().result(model, method) if model and method else None
        rows = list(_rows(result, [m for m in metrics if m["model"] == who])) if result else []
        if result and rows:
            found.append({
                "model": who,
                "paper_model": result.model,
                "method": result.method,
                "place": f"{figures().source}, {result.place}",
                "differs": differs(spec, result.model, result.method),
                "rows": rows,
            })  # fmt: skip
    return found


def _rows(result: Result, metrics: Sequence[Mapping]) -> Iterator[dict]:
    columns = figures().columns
    own = {c.benchmark: _measured(c, metrics) for c in columns}
    for column in columns:
        value, run = result.value(column.benchmark, columns), own[column.benchmark]
        if value is None or run is None:
            continue
        low, high = column.interval(value)
        paper = {"value": value / 100, "low": low, "high": high, "n": column.problems * column.samples}
        remarks = [r for r in (result.erratum(column.benchmark), column.differs) if r]
        ours = {key: run[key] for key in ("value", "low", "high", "n")}
        yield _row(column.name, column.benchmark, column.kind, paper, ours, remarks)
    for name, kinds in AVERAGES.items():
        of_kind = [c for c in columns if c.kind in kinds]
        value, mean = result.value(name, columns), average([own[c.benchmark] for c in of_kind])
        if value is None or mean is None:
            continue
        bounds = _around(value / 100, result, of_kind)
        ours = {"value": mean.value, "low": mean.low, "high": mean.high, "n": None}
        remarks = [r for r in (result.erratum(name),) if r]
        label = f"{name.capitalize()}, mean of {len(of_kind)}"
        yield _row(label, None, of_kind[0].kind, {"value": value / 100, **bounds, "n": None}, ours, remarks)


def _measured(column: Column, metrics: Sequence[Mapping]) -> Mapping | None:
    """The run's metric of a column; one that nobody could score has no value and is none."""
    wanted = (column.benchmark, column.metric)
    found = next((m for m in metrics if (m["benchmark"], m["metric"]) == wanted), None)
    return found if found and found["value"] is not None else None


def _around(value: float, result: Result, of_kind: Sequence[Column]) -> dict[str, float | None]:
    """The interval of a printed average: as wide as its columns make it; unknown where they could not be read."""
    known = [(c, result.value(c.benchmark, figures().columns)) for c in of_kind]
    bounds = [(v / 100, *c.interval(v)) for c, v in known if v is not None]
    parts = [dict(zip(("value", "low", "high"), b, strict=True)) for b in bounds]
    mean: Average | None = average(parts) if len(parts) == len(of_kind) else None
    if mean is None:
        return {"low": None, "high": None}
    return {"low": max(0.0, value - (mean.value - mean.low)), "high": min(1.0, value + (mean.high - mean.value))}


def _row(name: str, benchmark: str | None, kind: str, paper: dict, run: dict, remarks: list[str]) -> dict:
    """One figure on both sides. `verdict`: the difference's interval includes zero (inside), or lies above or below
    it; where the paper's interval is unknown, its value is held against the run's interval alone.
    """
    change = None
    if paper["low"] is not None:
        sides = [(side["value"], side["low"], side["high"]) for side in (run, paper)]
        change = dict(zip(("value", "low", "high"), independent_difference(*sides), strict=True))
    low, high = (
        (change["low"], change["high"]) if change else (run["low"] - paper["value"], run["high"] - paper["value"])
    )
    return {
        "name": name,
        "benchmark": benchmark,
        "kind": kind,
        "paper": paper,
        "run": run,
        "difference": change,
        "in_run_interval": run["low"] <= paper["value"] <= run["high"],
        "verdict": "above" if low > 0 else "below" if high < 0 else "inside",
        "remark": " ".join(remarks) or None,
    }
