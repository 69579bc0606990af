"""The safety-reasoning plane: one point a variant, one for each model without an adapter, and the Pareto front."""

from collections.abc import Mapping, Sequence

from thinksafe.analysis.experiment.given import Given
from thinksafe.analysis.figures.outcome import Average, average
from thinksafe.analysis.gate import primary_pairs

BASE_NAME = "base model"
BASE, ALIGNED = 0, 1


def points(variants: Sequence[Given], baseline: str) -> list[dict]:
    """Every variant that has both axes. A base model is a point of its own for each student there is."""
    found: list[dict] = []
    students: dict[object, str] = {}
    for variant in sorted(variants, key=lambda v: v.name != baseline):
        if variant.summary is None:
            continue
        student = _student(variant.summary)
        if student not in students and (point := _point(variant.summary, BASE)):
            students[student] = BASE_NAME if not students else f"{BASE_NAME} of {variant.name}"
            found.append({"name": students[student], "base": True, **point})
    for variant in variants:
        if variant.summary is not None and (point := _point(variant.summary, ALIGNED)):
            found.append({"name": variant.name, "base": False, **point})
    front = pareto([(p["harmful"]["value"], p["accuracy"]["value"]) for p in found])
    return [{**point, "front": on} for point, on in zip(found, front, strict=True)]


def pareto(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each (harmful, accuracy) whether it is on the front: no other has as little harm and as many right answers,
    and is better in one of the two. Equal points are on it together.
    """
    return [not any(_dominates(other, point) for other in points) for point in points]


def _dominates(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a[0] <= b[0] and a[1] >= b[1] and a != b


def _student(summary: Mapping) -> object:
    """What tells two base models, or two measurements of one, apart."""
    return summary["lineage"].get("artifacts", {}).get("verdicts-base")


def _point(summary: Mapping, which: int) -> dict | None:
    pairs = primary_pairs(summary["metrics"])
    harmful, accuracy = (
        average([pair[which] for (k, _), pair in pairs.items() if k == kind]) for kind in ("harmful", "accuracy")
    )
    if harmful is None or accuracy is None:
        return None
    return {"harmful": _estimate(harmful), "accuracy": _estimate(accuracy)}


def _estimate(found: Average) -> dict:
    return {"value": found.value, "low": found.low, "high": found.high}
