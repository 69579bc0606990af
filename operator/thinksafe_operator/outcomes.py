"""What the last words of a stage's workers say: digests, counts, what the store holds already, and the verdict. Pure.

Words come from a container, so nothing in them is believed that does not have the right shape; and a gate is passed
only where they say exactly so.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from thinksafe.status import MAX_RESULTS
from thinksafe_operator.conditions import cut
from thinksafe_operator.failures import pods_of
from thinksafe_operator.state import Job, Pod

_KINDS = ("harmful", "refusal", "accuracy")
_URI = 1024
_NODES = {
    "prepare": ("problems", "prompts"),
    "train": ("dataset", "perplexity", "adapter"),
    "evaluate": ("answers-base", "verdicts-base", "answers-aligned", "verdicts-aligned"),
    "report": ("report",),
}


@dataclass(frozen=True)
class Outcome:
    """What a stage that is done has told. Its numbers are sums over its workers, None if untold."""

    artifacts: dict[str, str] = field(default_factory=dict)
    rows: int | None = None
    tokens: int | None = None
    gpu_seconds: float | None = None
    kept: int | None = None
    judged: int | None = None


@dataclass(frozen=True)
class Prepared:
    """What prepare has told: the digest of every artifact to come, the stages that need not run, and the chunks."""

    artifacts: dict[str, str]
    held: tuple[str, ...]
    chunks: int


@dataclass(frozen=True)
class Verdict:
    """What the report says. `adapter` is where it is published, and there only if the gate is passed."""

    passed: bool
    failed: tuple[str, ...]
    results: list[dict]
    report: str
    adapter: str | None


def last_words(job: Job, pods: Iterable[Pod]) -> list[Mapping[str, Any]]:
    """The readable words of the job's workers that succeeded, by index, of each the latest."""
    mine = [p for p in pods_of(job, pods) if p.exit_code == 0 and p.words]
    latest = {p.index: p for p in sorted(mine, key=lambda p: (p.finished_at or 0.0, p.name))}
    return [p.words for _, p in sorted(latest.items()) if p.words and p.words.get("code") == 0]


def of_stage(stage: str, words: Iterable[Mapping]) -> Outcome:
    """What the workers of a stage have told together; less, if they told less."""
    said = list(words)
    counts = [w["counts"] for w in said if isinstance(w.get("counts"), Mapping)]
    artifacts: dict[str, str] = {}
    for w in said:
        artifacts |= only_of(stage, digests(w))
    return Outcome(
        artifacts=artifacts,
        rows=_sum(counts, "rows"),
        tokens=_sum(counts, "tokens"),
        gpu_seconds=_float_sum(counts, "device_seconds"),
        kept=_by_label(counts, "kept"),
        judged=_by_label(counts, "total"),
    )


def of_prepare(words: Iterable[Mapping]) -> Prepared | None:
    """What prepare has told; None if it cannot be read, and then it has to run again."""
    for w in words:
        held, chunks, found = w.get("held"), w.get("chunks"), digests(w)
        if isinstance(held, list) and all(isinstance(s, str) for s in held) and _is_count(chunks) and found:
            return Prepared(found, tuple(held), int(chunks))
    return None


def of_report(words: Iterable[Mapping]) -> Verdict | None:
    """The verdict; None if it cannot be read whole, and then the report has to be made again. Never a guess."""
    for w in words:
        verdict = _verdict(w)
        if verdict is not None:
            return verdict
    return None


def _verdict(words: Mapping) -> Verdict | None:
    gate, report, adapter = words.get("gate"), words.get("report"), words.get("adapter")
    if not isinstance(gate, Mapping) or not _is_uri(report):
        return None
    passed, failed = gate.get("passed"), gate.get("failed", [])
    if not isinstance(passed, bool) or not isinstance(failed, list):
        return None
    sentences = tuple(cut(s, 200) for s in failed if isinstance(s, str))
    if passed and (failed or not _is_uri(adapter)):
        return None  # it contradicts itself: passed, and yet a rule failed or nothing is published
    return Verdict(passed, sentences, results(words.get("results")), str(report), str(adapter) if passed else None)


def results(said: object) -> list[dict]:
    """The benchmarks' values that are well formed, at most MAX_RESULTS."""
    found: list[dict] = []
    for row in said if isinstance(said, list) else ():
        if not isinstance(row, Mapping) or row.get("kind") not in _KINDS or not isinstance(row.get("benchmark"), str):
            continue
        values = {k: float(n) for k in ("base", "aligned") if _is_number(n := row.get(k))}
        found.append({"kind": row["kind"], "benchmark": row["benchmark"][:63], **values})
    return found[:MAX_RESULTS]


def digests(words: Mapping) -> dict[str, str]:
    """The artifacts' digests that the words name."""
    said = words.get("artifacts")
    if not isinstance(said, Mapping):
        return {}
    return {n[:40]: d[:64] for n, d in said.items() if isinstance(n, str) and isinstance(d, str)}


def only_of(stage: str, artifacts: Mapping[str, str]) -> dict[str, str]:
    """Of all artifacts of a run those that this stage makes."""
    base, _, rung = stage.partition("-")
    kind = {"generate": "responses", "filter": "scores"}.get(base)
    names = (f"{kind}-{rung or 1}",) if kind else _NODES.get(stage, ())
    if stage == "generate":  # with steering.template: auto
        names = ("probe-responses", "probe-scores", *names)
    if base == "filter":  # a quorum has scores of each of its guards: scores-1-g2, ...
        names = (*names, *(n for n in artifacts if n.startswith(f"{names[0]}-g")))
    return {name: artifacts[name] for name in names if name in artifacts}


def _by_label(counts: Iterable[Mapping], name: str) -> int | None:
    """A count that is told by label, summed over the labels."""
    maps = [c[name] for c in counts if isinstance(c.get(name), Mapping)]
    numbers = [int(n) for m in maps for n in m.values() if _is_count(n)]
    return sum(numbers) if numbers else None


def _sum(counts: Iterable[Mapping], name: str) -> int | None:
    numbers = [int(n) for c in counts if _is_count(n := c.get(name))]
    return sum(numbers) if numbers else None


def _float_sum(counts: Iterable[Mapping], name: str) -> float | None:
    numbers = [float(n) for c in counts if _is_count(n := c.get(name))]
    return round(sum(numbers), 1) if numbers else None


def _is_number(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < 1e15


def _is_count(value: object) -> TypeGuard[float]:
    return _is_number(value) and value >= 0


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _URI
