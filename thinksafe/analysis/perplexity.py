"""How surprising the kept responses are to the base model: the paper's Fig 8.

Text that the model would have written itself scores near 1; text in another's style scores high, and training on it
costs reasoning.
"""

import math
from collections.abc import Iterable, Mapping
from typing import TypedDict

from scipy import stats


class Perplexity(TypedDict):
    """exp of the mean negative log-likelihood a token, of `rows` responses with `tokens` tokens, 95% interval."""

    label: str
    value: float | None
    low: float | None
    high: float | None
    rows: int
    tokens: int


def estimate(rows: Iterable[Mapping]) -> list[Perplexity]:
    """Perplexity by label, and of all. A row is one response: `{label, nll, tokens}` with `nll` summed, in nats.

    The interval takes responses, not tokens, as the units of chance: a ratio of two sums over responses, its variance
    by linearisation (Cochran, Sampling Techniques, 3rd ed., 6.3), t with n - 1 degrees of freedom, on the log scale.
    One response has no interval. ValueError if a row's nll is not finite.
    """
    groups: dict[str, list[tuple[float, int]]] = {}
    for row in rows:
        if not math.isfinite(row["nll"]):
            raise ValueError(f"negative log-likelihood {row['nll']} of a {row['label']} response is not finite")
        if row["tokens"]:
            for label in (row["label"], "all"):
                groups.setdefault(label, []).append((row["nll"], row["tokens"]))
    return [_estimate(label, groups[label]) for label in sorted(groups)]


def _estimate(label: str, found: list[tuple[float, int]]) -> Perplexity:
    n, tokens = len(found), sum(t for _, t in found)
    mean = math.fsum(nll for nll, _ in found) / tokens
    low = high = None
    if n > 1:
        residuals = math.fsum((nll - mean * t) ** 2 for nll, t in found)
        half = float(stats.t.ppf(0.975, n - 1)) * math.sqrt(n / (n - 1) * residuals) / tokens
        low, high = _exp(mean - half), _exp(mean + half)
    return {"label": label, "value": _exp(mean), "low": low, "high": high, "rows": n, "tokens": tokens}


def _exp(x: float) -> float | None:
    """None where the number would be too large for a float: that is not a perplexity but a broken model."""
    return math.exp(x) if x < 700 else None
