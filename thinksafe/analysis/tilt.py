"""How far the steering has tilted what was kept: log p(y|steered prompt) - log p(y|prompt), response by response.

[P], arXiv 2601.23143 v4, assumes that the steered model's safe responses to a prompt are distributed as its own safe
responses: then this log ratio is the same number for all safe responses of one prompt (log of the two chances of a
safe response). Between prompts it may differ. So the spread within a prompt tests the assumption; the spread over all
rows also holds what prompts differ by.

Both log-probabilities are the frozen student's own, at temperature 1 and over the whole vocabulary; what sampled the
responses was sharpened by spec.generation's temperature, topP and topK.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

from scipy import stats

BINS = 24  # of the histogram, at most


class Bin(TypedDict):
    """So many responses have a log ratio from `low` on and below `high`, in nats."""

    low: float
    high: float
    count: int


class Tilt(TypedDict):
    """The log ratios, in nats, of the kept responses of one rung of the ladder.

    `mean` (95% interval `low` to `high`), `median`, `q05`, `q95`: of whole responses. Above 0: the steering made the
    response likelier. `per_token`: sum of all log ratios over all tokens. `effective`: effective sample size of the
    self-normalised weights p(y|prompt) / p(y|steered prompt), as a share of the rows: 1 if all weigh the same, near 0
    if a few rows would stand for all once the data set is moved back to the unsteered model.
    `spread`: standard deviation within a prompt, over `prompts` prompts with several safe responses; the assumption
    says 0. None where no prompt has several.
    """

    rung: int
    rows: int
    tokens: int
    mean: float
    low: float | None
    high: float | None
    median: float
    q05: float
    q95: float
    per_token: float
    effective: float
    prompts: int
    spread: float | None
    bins: list[Bin]


def audit(rows: Iterable[Mapping]) -> list[Tilt]:
    """The tilt by rung. A row is one safe response: `{id, rung, kept, nll, steered_nll, tokens}`, sums in nats.

    A row whose `steered_nll` is None was not steered and is left out; of the others those that are not `kept` (spare
    samples of a prompt) count in `spread` alone. ValueError if a sum is not finite.
    """
    kept: dict[int, list[tuple[float, int]]] = {}
    by_prompt: dict[int, dict[str, list[float]]] = {}
    for row in rows:
        if row["steered_nll"] is None:
            continue
        ratio = log_ratio(row)
        by_prompt.setdefault(row["rung"], {}).setdefault(row["id"], []).append(ratio)
        if row["kept"]:
            kept.setdefault(row["rung"], []).append((ratio, row["tokens"]))
    return [_tilt(rung, kept[rung], by_prompt[rung].values()) for rung in sorted(kept)]


def log_ratio(row: Mapping) -> float:
    """log p(response | steered prompt) - log p(response | prompt), in nats. ValueError if it is not finite."""
    ratio = row["nll"] - row["steered_nll"]
    if not math.isfinite(ratio):
        raise ValueError(f"the log ratio of a response is not finite: {row['nll']} - {row['steered_nll']}")
    return ratio


def _tilt(rung: int, found: Sequence[tuple[float, int]], prompts: Iterable[Sequence[float]]) -> Tilt:
    ratios, tokens = sorted(ratio for ratio, _ in found), sum(n for _, n in found)
    mean = math.fsum(ratios) / len(ratios)
    low, high = _interval(ratios, mean)
    several = [group for group in prompts if len(group) > 1]
    return {
        "rung": rung,
        "rows": len(ratios),
        "tokens": tokens,
        "mean": mean,
        "low": low,
        "high": high,
        "median": quantile(ratios, 0.5),
        "q05": quantile(ratios, 0.05),
        "q95": quantile(ratios, 0.95),
        "per_token": math.fsum(ratios) / tokens if tokens else 0.0,
        "effective": effective_share(ratios),
        "prompts": len(several),
        "spread": _spread_within(several),
        "bins": histogram(ratios),
    }


def effective_share(ratios: Sequence[float]) -> float:
    """(sum of w)^2 / sum of w^2 / n for w = exp(-ratio): Kish's effective sample size as a share of n, in (0, 1]."""
    least = min(ratios)
    weights = [math.exp(least - ratio) for ratio in ratios]  # the largest is 1, so nothing overflows
    return math.fsum(weights) ** 2 / math.fsum(w * w for w in weights) / len(weights)


def _spread_within(prompts: Sequence[Sequence[float]]) -> float | None:
    """The pooled standard deviation within prompts: each prompt's own mean is taken off."""
    free = sum(len(group) - 1 for group in prompts)
    if not free:
        return None
    means = [math.fsum(group) / len(group) for group in prompts]
    squares = (r - m for group, m in zip(prompts, means, strict=True) for r in group)
    return math.sqrt(math.fsum(d * d for d in squares) / free)


def _interval(ratios: Sequence[float], mean: float) -> tuple[float | None, float | None]:
    """t interval of a mean of independent responses; one response has none."""
    n = len(ratios)
    if n < 2:
        return None, None
    variance = math.fsum((r - mean) ** 2 for r in ratios) / (n - 1)
    half = float(stats.t.ppf(0.975, n - 1)) * math.sqrt(variance / n)
    return mean - half, mean + half


def quantile(ordered: Sequence[float], share: float) -> float:
    """Of sorted numbers the one below which this share lies, interpolated between neighbours."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def histogram(ordered: Sequence[float]) -> list[Bin]:
    """Equal bins whose edges are whole multiples of 1, 2 or 5 times a power of ten, from the least to the greatest."""
    width = _round_width((ordered[-1] - ordered[0]) / BINS)
    places = [math.floor(r / width) for r in ordered]
    counts = dict.fromkeys(range(places[0], places[-1] + 1), 0)
    for place in places:
        counts[place] += 1
    return [
        {"low": round(place * width, 9), "high": round((place + 1) * width, 9), "count": n}
        for place, n in counts.items()
    ]


def _round_width(least: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least so wide; at least 0.01 nats."""
    power = 10.0 ** math.floor(math.log10(max(least, 0.01)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= max(least, 0.01) * (1 - 1e-9))
