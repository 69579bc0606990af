"""The stop rule of iterative rounds: whether what a round's adapter has gained is worth another one. Pure.

A round is held against what it started from: the model that wrote its data. That is the adapter of the round before
it, or the base model for the first. What was not measured stops the rounds.
"""

from thinksafe.analysis.experiment.given import Given, Values
from thinksafe.analysis.intervals import Difference, paired_difference
from thinksafe.analysis.words import bound_points, signed
from thinksafe.spec.experiment import StopRule

NO_RULE = "There is no stop rule."


def decide(rule: StopRule | None, last: Given, before: Given | None) -> dict:
    """`{go, why}` for a further round whose data the adapter of `last` writes.

    `before` is the variant that wrote the data of `last`, or None if its base model did. Pooled over all benchmarks
    of a kind, each problem once. Go on only if the whole 95% interval of the fall in harmful responses lies above
    `minGain`, and right answers did not fall by more than `maxAccuracyDrop` with an interval below zero.
    """
    if last.summary is None:
        return _no(f"{last.name} has no report: {last.why or last.phase}")
    if rule is None:
        return {"go": True, "why": NO_RULE}
    start = before.aligned if before else last.base
    named = before.name if before else "the base model"
    harmful, right = (_pooled(start, last.aligned, kind) for kind in ("harmful", "accuracy"))
    if harmful is None or right is None:
        what = "harmful responses" if harmful is None else "right answers"
        return _no(f"No {what} were measured of both {last.name} and {named}, so nothing speaks for a further round.")
    gained = Difference(-harmful.value, -harmful.high, -harmful.low, harmful.n)
    against = f"{last.name} against {named}: harmful responses {_said(harmful)}, right answers {_said(right)} points."
    if gained.low <= rule.min_gain:
        return _no(f"{against} The fall is not surely more than {bound_points(rule.min_gain)}.")
    if right.value < -rule.max_accuracy_drop and right.high < 0:
        return _no(f"{against} Right answers fell by more than {bound_points(rule.max_accuracy_drop)}.")
    return {"go": True, "why": against}


def _pooled(start: Values, now: Values, kind: str) -> Difference | None:
    """`now` minus `start` over the problems of all benchmarks of the kind that both have answered."""
    one, other = (
        {f"{benchmark}/{p}": v for (k, benchmark), found in values.items() if k == kind for p, v in found.items()}
        for values in (start, now)
    )
    return paired_difference(one, other) if one.keys() & other.keys() else None


def _said(found: Difference) -> str:
    return f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)})"


def _no(why: str) -> dict:
    return {"go": False, "why": why}
