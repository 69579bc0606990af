"""95% intervals of rates, of means over samples, and of paired differences. All values lie in [0, 1].

Samples of one problem are not independent, so the unit of chance is the problem, not the sample:
- Wilson, JASA 22:209 (1927): the score interval of a rate; never of zero width, never outside [0, 1].
- Miller, arXiv 2411.00640 (2024): standard errors of model evaluations, clustered by problem and paired.
- Korn and Graubard, Survey Methodology 24:193 (1998): a clustered rate as a rate over an effective number of rows,
  shortened by (z / t)^2 because the variance itself is estimated from few clusters.
- Bonett and Price, J. Educ. Behav. Stat. 37:479 (2012): a paired difference with one made-up pair for better and
  one for worse, recommended by Fagerland, Lydersen and Laake, Stat. Med. 33:2850 (2014).
- Newcombe, Stat. Med. 17:873 (1998), method 10; as MOVER in Zou and Donner, Stat. Med. 27:1693 (2008): the difference
  of two independent estimates from their own intervals.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

CONFIDENCE = 0.95
ByProblem = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` samples of `clusters` problems, with the bounds of its interval."""

    value: float
    low: float
    high: float
    n: int
    clusters: int


@dataclass(frozen=True)
class Difference:
    """Aligned minus base, over the `n` problems that both have answered."""

    value: float
    low: float
    high: float
    n: int


def wilson(k: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The score interval of the rate k / n. `n` may be an effective number of rows, so neither need be whole.

    Raises ValueError unless 0 <= k <= n and n > 0.
    """
    if not 0 <= k <= n or n <= 0:
        raise ValueError(f"no rate: {k} of {n}")
    z = _z(confidence)
    p = k / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # The exact bounds at k = 0 and k = n are 0 and 1; rounding must not move them inside the value.
    return max(0.0, min(centre - half, p)), min(1.0, max(centre + half, p))


def clustered_mean(values_by_problem: ByProblem, confidence: float = CONFIDENCE) -> Estimate:
    """Mean over all samples, with an interval that knows that samples of one problem belong together.

    One sample a problem: Wilson. More: Wilson over the effective number of rows p(1-p) / Var, where
    Var = G/(G-1) * sum over problems of (sum of x - mean)^2 / n^2 for G problems and n samples, times
    (z / t with G-1 degrees of freedom)^2. The effective number is at most n. Where every sample agrees (p is 0 or 1)
    the samples tell nothing of how alike those of one problem are; then they are taken as fully alike, and the
    effective number is G. One problem alone tells nothing of others: its interval is [0, 1].

    Raises ValueError when there is no sample, or one outside [0, 1].
    """
    groups = [list(values) for values in values_by_problem.values() if len(values)]
    _check(x for group in groups for x in group)
    clusters, n = len(groups), sum(map(len, groups))
    if not n:
        raise ValueError("no samples: a mean of nothing has no value")
    total = math.fsum(x for group in groups for x in group)
    mean = min(1.0, total / n)
    if clusters == n:
        return Estimate(mean, *wilson(mean * n, n, confidence), n, clusters)
    if clusters == 1:
        return Estimate(mean, 0.0, 1.0, n, clusters)
    effective = _effective_rows(groups, mean, n, confidence)
    low, high = wilson(mean * effective, effective, confidence)
    return Estimate(mean, min(low, mean), max(high, mean), n, clusters)


def paired_difference(base: ByProblem, aligned: ByProblem, confidence: float = CONFIDENCE) -> Difference:
    """Mean over shared problems of (aligned's mean - base's mean), with a t interval over problems.

    Two made-up problems, one better and one worse by 1/sqrt(m) for m samples a problem, are added before the interval
    is taken (not to the value). With m = 1 this is Bonett and Price's interval, so that "nothing changed in 20
    problems" is not reported as certainty; with more samples a problem's own noise is that much smaller. Where all
    differences are the same, they tell nothing of their spread, and the made-up ones are 1 whatever m is.

    Raises ValueError when no problem is shared, or a value is outside [0, 1].
    """
    shared = [(base[key], aligned[key]) for key in base if key in aligned and len(base[key]) and len(aligned[key])]
    _check(x for pair in shared for side in pair for x in side)
    if not shared:
        raise ValueError("no shared problems: a paired difference needs problems that both models have answered")
    gaps = [math.fsum(new) / len(new) - math.fsum(old) / len(old) for old, new in shared]
    value = math.fsum(gaps) / len(gaps)
    spread = math.fsum(1 / min(len(old), len(new)) for old, new in shared) / len(shared)
    made_up = 1.0 if max(gaps) - min(gaps) < 1e-12 else math.sqrt(spread)
    low, high = _t_interval([*gaps, made_up, -made_up], confidence)
    return Difference(value, min(max(low, -1.0), value), max(min(high, 1.0), value), len(shared))


def independent_difference(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """First minus second and the bounds of its interval, each side as (value, low, high) of an independent estimate.

    The distances from value to bound add as squares, so it is as asymmetric as Wilson's.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    value = a - b
    return value, value - math.hypot(a - a_low, b_high - b), value + math.hypot(a_high - a, b - b_low)


def _effective_rows(groups: list[list[float]], mean: float, n: int, confidence: float) -> float:
    """How many independent rows would give as narrow an interval (Korn and Graubard)."""
    clusters = len(groups)
    shorten = (_z(confidence) / float(stats.t.ppf(0.5 + confidence / 2, clusters - 1))) ** 2
    if mean <= 0 or mean >= 1:
        return clusters * shorten
    squares = math.fsum(math.fsum(x - mean for x in group) ** 2 for group in groups)
    variance = clusters / (clusters - 1) * squares / n**2
    alike = mean * (1 - mean)
    return (n if alike >= n * variance else alike / variance) * shorten


def _t_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    mean = math.fsum(values) / len(values)
    variance = math.fsum((x - mean) ** 2 for x in values) / (len(values) - 1)
    half = float(stats.t.ppf(0.5 + confidence / 2, len(values) - 1)) * math.sqrt(variance / len(values))
    return mean - half, mean + half


def _z(confidence: float) -> float:
    return float(stats.norm.ppf(0.5 + confidence / 2))


def _check(values: Iterable[float]) -> None:
    for x in values:
        if not 0 <= x <= 1:  # also catches NaN
            raise ValueError(f"a score must lie between 0 and 1; found {x}")
