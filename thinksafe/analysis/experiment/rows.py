"""The table: variant x benchmark, each with its paired difference to the baseline.

All differences of a document are one family: a reader looks at all of them and picks out the largest. So each of its
m intervals has the confidence 1 - 0.05 / m (Bonferroni), and with 95% none of them misses its true value.
"""

from collections.abc import Mapping, Sequence

from thinksafe.analysis.experiment.given import Benchmark, Given
from thinksafe.analysis.gate import Pair, primary_pairs
from thinksafe.analysis.intervals import CONFIDENCE, paired_difference
from thinksafe.analysis.report import verdict

Pairs = Mapping[Benchmark, Pair]


def rows(variants: Sequence[Given], baseline: str) -> list[dict]:
    """One row for every variant and every benchmark that any of them was measured on, in the variants' order."""
    pairs = {v.name: primary_pairs(v.summary["metrics"]) if v.summary else {} for v in variants}
    benchmarks = list(dict.fromkeys(key for found in pairs.values() for key in found))
    start = next(v for v in variants if v.name == baseline)
    confidence = corrected(comparisons(variants, baseline))
    return [_row(v, key, pairs[v.name], start, confidence) for v in variants for key in benchmarks]


def comparisons(variants: Sequence[Given], baseline: str) -> int:
    """How many differences the table shows."""
    start = next(v for v in variants if v.name == baseline)
    others = [v for v in variants if v is not start]
    return sum(_comparable(start, v, key) for v in others for key in v.aligned)


def corrected(comparisons: int) -> float:
    """The confidence of each of so many intervals that hold at once with 95% (Bonferroni)."""
    return 1 - (1 - CONFIDENCE) / max(comparisons, 1)


def _comparable(start: Given, variant: Given, key: Benchmark) -> bool:
    return bool(start.aligned.get(key, {}).keys() & variant.aligned.get(key, {}).keys())


def _row(variant: Given, key: Benchmark, pairs: Pairs, start: Given, confidence: float) -> dict:
    kind, benchmark = key
    base, aligned = pairs.get(key, (None, None))
    found: dict[str, object] = {"variant": variant.name, "kind": kind, "benchmark": benchmark, "why": ""}
    if base:
        found["base"] = {name: base[name] for name in ("value", "low", "high", "n")}
    if not aligned:
        return {**found, "why": variant.why or "This benchmark was not run."}
    found |= {name: aligned[name] for name in ("metric", "value", "low", "high", "n", "truncated", "unscored")}
    if variant is start:
        return found
    if not _comparable(start, variant, key):
        return {**found, "why": _incomparable(start, key)}
    return {**found, "difference": _difference(kind, start.aligned[key], variant.aligned[key], confidence)}


def _incomparable(start: Given, key: Benchmark) -> str:
    if not start.aligned.get(key):
        return f"The baseline {start.name} has no value."
    return "No problem was answered by both."


def _difference(kind: str, start: Mapping, now: Mapping, confidence: float) -> dict:
    found = paired_difference(start, now, confidence)
    bounds = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
    return {**bounds, "verdict": verdict(kind, bounds)}
