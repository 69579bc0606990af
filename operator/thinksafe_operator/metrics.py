"""What Prometheus is told. No label holds a run's or a namespace's name: their number has no bound.

Counters of what happened to runs move only when a status was written, by the difference of the old one to the new,
so that a repeated pass counts nothing twice.
"""

import re
from collections import Counter as Count
from collections.abc import Callable, Iterable

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from thinksafe_operator.parse import unix

API_CALLS = Counter("thinksafe_api_calls_total", "Calls of the API server, by verb and HTTP code.", ["verb", "code"])
RECONCILES = Counter("thinksafe_reconciles_total", "Passes over a run, by how they ended.", ["result"])
RECONCILE_SECONDS = Histogram(
    "thinksafe_reconcile_duration_seconds",
    "Time of one pass over a run.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
STAGES = Counter("thinksafe_stages_total", "Stages that ended, by outcome and reason.", ["stage", "outcome", "reason"])
RETRIES = Counter("thinksafe_stage_retries_total", "Attempts of a stage after its first.", ["stage", "reason"])
STAGE_SECONDS = Histogram(
    "thinksafe_stage_duration_seconds",
    "Time from a stage's start to its success.",
    ["stage"],
    buckets=(10, 30, 60, 300, 900, 3600, 3 * 3600, 12 * 3600, 48 * 3600),
)
TOKENS = Counter("thinksafe_tokens_total", "Tokens generated or read, by stage.", ["stage"])
GPU_SECONDS = Counter("thinksafe_gpu_seconds_total", "Seconds of accelerators used, by stage.", ["stage"])
GUARD = Counter("thinksafe_guard_decisions_total", "Responses judged by the guard.", ["decision"])
EVENTS_LOST = Counter("thinksafe_events_lost_total", "Kubernetes events that could not be written.")

PHASES = ("Pending", "Queued", "Running", "Suspended", "Succeeded", "GateFailed", "Failed")
_OF_EXPERIMENTS = ("Pending", "Running", "Suspended", "Succeeded", "Failed")
_STAGES = ("prepare", "generate", "filter", "train", "evaluate", "report")
_OF_SEVERAL = ("train", "evaluate")
_OUTCOMES = ("Succeeded", "Cached", "Failed")
_ONE_WORD = re.compile(r"[A-Za-z]{1,40}")
_MOST_REASONS = 64
_reasons: set[str] = set()


def stage_label(name: str) -> str:
    """A rung of the ladder counts with its stage, whatever else a status may say counts as "other"."""
    stage = name.partition("-")[0]
    return stage if stage in _STAGES else "other"


def reason_label(reason: str) -> str:
    """A reason as a label. They are a closed list elsewhere; here it is certain that they cannot become many."""
    if not reason:
        return ""
    if not _ONE_WORD.fullmatch(reason) or (reason not in _reasons and len(_reasons) >= _MOST_REASONS):
        return "Other"
    _reasons.add(reason)
    return reason


def count_transition(old: dict, new: dict) -> None:
    """Count what happened between two statuses of one run."""
    before = {s["name"]: s for s in old.get("stages") or []}
    for stage in new.get("stages") or []:
        _count_stage(before.get(stage["name"], {}), stage)
    kept, judged = _grown(old, new, "kept"), _grown(old, new, "judged")
    if judged:
        GUARD.labels("kept").inc(min(kept, judged))
        GUARD.labels("dropped").inc(judged - min(kept, judged))


def _count_stage(old: dict, new: dict) -> None:
    stage, failure = stage_label(new["name"]), new.get("lastFailure") or {}
    TOKENS.labels(stage).inc(_spent(stage, old, new, "tokens"))
    GPU_SECONDS.labels(stage).inc(_spent(stage, old, new, "gpuSeconds"))
    if (new.get("attempt") or 0) > max(old.get("attempt") or 0, 1):
        RETRIES.labels(stage, reason_label(failure.get("reason", ""))).inc()
    state = new.get("state")
    if state != old.get("state") and state in _OUTCOMES:
        STAGES.labels(stage, state, reason_label(failure.get("reason", "")) if state == "Failed" else "").inc()
        if state == "Succeeded" and new.get("startTime") and new.get("completionTime"):
            STAGE_SECONDS.labels(stage).observe(max(0.0, unix(new["completionTime"]) - unix(new["startTime"])))


def _spent(stage: str, old: dict, new: dict, field: str) -> float:
    """What was spent since. A stage that makes several artifacts tells of one after the other while it runs, each

    from zero; what all of them took is told at its end, so it is counted then.
    """
    if stage not in _OF_SEVERAL:
        return _grown(old, new, field)
    ends = new.get("state") in _OUTCOMES and old.get("state") != new.get("state")
    return float(new.get(field) or 0) if ends else 0.0


def _grown(old: dict, new: dict, field: str) -> float:
    return max(0.0, float(new.get(field) or 0) - float(old.get(field) or 0))


class Live(Collector):
    """What is so at the moment of asking; nothing is left of a run that is gone.

    `phases` are those of all known runs, `experiments` of all known experiments; `depth` and `oldest` (seconds) are
    the queue's; `silence` is the seconds since each watch was last heard of.
    """

    def __init__(
        self,
        *,
        phases: Callable[[], Iterable[str]],
        depth: Callable[[], int],
        oldest: Callable[[], float],
        silence: Callable[[], dict[str, float]],
        experiments: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self._experiments = experiments
        self._phases, self._depth, self._oldest, self._silence = phases, depth, oldest, silence

    def collect(self) -> Iterable[Metric]:
        yield _by_phase("thinksafe_runs", "Runs by phase.", PHASES, self._phases())
        yield _by_phase("thinksafe_experiments", "Experiments by phase.", _OF_EXPERIMENTS, self._experiments())
        watches = GaugeMetricFamily(
            "thinksafe_watch_silence_seconds", "Time since a watch was last heard of.", labels=["watch"]
        )
        for watch, seconds in self._silence().items():
            watches.add_metric([watch], seconds)
        yield watches
        yield GaugeMetricFamily("thinksafe_queue_depth", "Runs waiting to be looked at.", self._depth())
        yield GaugeMetricFamily(
            "thinksafe_queue_oldest_seconds", "How long the first of them has waited.", self._oldest()
        )


def _by_phase(name: str, words: str, known: tuple[str, ...], phases: Iterable[str]) -> Metric:
    counted = Count(p if p in known else "Unknown" for p in phases)
    family = GaugeMetricFamily(name, words, labels=["phase"])
    for phase in (*known, "Unknown"):
        family.add_metric([phase], counted[phase])
    return family
