"""Two scores of one answer as one."""

from thinksafe.benchmarks.base import Score


def both(first: Score, second: Score) -> Score:
    """Both scores' values. Unscored if either is: a metric is never reported on fewer rows than its neighbour."""
    for score in (first, second):
        if score.values is None:
            return score
    return Score({**(first.values or {}), **(second.values or {})}, first.reason or second.reason)
