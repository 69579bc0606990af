"""The run as a whole, told from its stages: phase, conditions, message. Derived anew at every pass. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from thinksafe.status import QUOTA_RESERVED, fit
from thinksafe_operator import conditions
from thinksafe_operator.conditions import Condition
from thinksafe_operator.draft import DONE, Draft, Stage, progress_text
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Progress

_OF_STAGE = {
    "prepare": "Prepared",
    "generate": "Generated",
    "filter": "Filtered",
    "train": "Trained",
    "evaluate": "Evaluated",
    "report": "Reported",
}
_READY_REASON = {
    "Pending": Reason.PENDING,
    "Queued": Reason.QUEUED,
    "Running": Reason.RUNNING,
    "Suspended": Reason.SUSPENDED,
    "Succeeded": Reason.COMPLETE,
    "GateFailed": Reason.GATE_FAILED,
}
_WAITING_REASON = {"Queued": Reason.QUEUED, "Running": Reason.RUNNING}


@dataclass
class Facts:
    """What a pass finds out that the stages do not tell.

    `end`: how the run ends in this pass. `problem`: what ends it, or holds it up. `suspend`: asked for or not;
    `settled`: and nothing of the run is left on the cluster. `quota`: what Kueue says of the current Job, None if it
    has not said anything; `queued`: the run has a queue at all.
    """

    end: Literal["Succeeded", "GateFailed", "Failed"] | None = None
    problem: Problem | None = None
    suspend: bool = False
    settled: bool = False
    queued: bool = False
    quota: Literal["reserved"] | Problem | None = None
    progress: Progress | None = None


def closed(draft: Draft, facts: Facts) -> dict:
    """The whole status, ready to be written: valid, complete and small enough."""
    status, stage = draft.status, draft.current
    phase = facts.end or _phase(stage, facts)
    reason, message = _why(draft, stage, phase, facts)
    status |= {
        "phase": phase,
        "observedGeneration": draft.run.generation,
        "stage": stage["name"] if stage else "report" if draft.stages else "",
        "progress": progress_text(stage, facts.progress) if phase == "Running" else "",
        "gate": {"Succeeded": "Passed", "GateFailed": "Failed"}.get(phase, "Pending"),
        "message": message,
    }
    if facts.end:
        status["completionTime"] = draft.time
    status["conditions"] = conditions.merged(
        draft.run.status.get("conditions", ()),
        _conditions(draft, phase, reason, message, facts),
        generation=draft.run.generation,
        time=draft.time,
    )
    return fit(status)


def _phase(stage: Stage | None, facts: Facts) -> str:
    if facts.suspend and facts.settled:
        return "Suspended"
    if stage is None or stage["state"] in ("Running", "Suspended"):
        return "Running"
    if stage["name"] == "prepare" and stage["state"] == "Waiting" and not facts.problem and not stage["failures"]:
        return "Pending"
    return "Queued"


def _why(draft: Draft, stage: Stage | None, phase: str, facts: Facts) -> tuple[Reason, str]:
    """The reason and the sentence that the column, Ready and the rest share."""
    if facts.end == "Succeeded":
        return Reason.COMPLETE, f"The gate is passed; the adapter is at {draft.status['adapter']}"
    if facts.problem:
        return facts.problem.reason, facts.problem.text()
    if facts.suspend:
        stopping = "It is suspended; set spec.suspend to false to go on" if facts.settled else "It is being suspended"
        return Reason.SUSPENDED, stopping
    assert stage is not None, "a run whose stages are all done has ended"
    return _how_it_goes(stage, phase)


def _how_it_goes(stage: Stage, phase: str) -> tuple[Reason, str]:
    name, attempt, last = stage["name"], stage["attempt"], stage.get("lastFailure")
    before = conditions.cut(f". Before: {last['message']}", 500) if last else ""
    if stage["state"] == "Running":
        again = f", attempt {attempt}" if attempt > 1 else ""
        return Reason.RUNNING, f"{name} is running{again}{before}"
    if last and "job" not in stage:
        to_do = last.get("hint", "")
        return Reason.RETRYING, f"{name}: attempt {attempt + 1} is to come{before}. {to_do}".rstrip(". ")
    if stage["state"] == "Queued":
        return Reason.QUEUED, f"{name}: Job {stage['job']} waits for its pods to run{before}"
    return _READY_REASON[phase], f"{name} is about to start{before}"


def _conditions(draft: Draft, phase: str, reason: Reason, message: str, facts: Facts) -> Iterable[Condition]:
    """Every condition there is, in the order of thinksafe.status.CONDITIONS."""
    end, problem = facts.end, facts.problem
    stalled = end in ("GateFailed", "Failed") or bool(problem and problem.needs_human)
    # kstatus takes Reconciling first: who waits for it would not hear of a missing image until the wait is over.
    at_work = end is None and not stalled and not (facts.suspend and facts.settled)
    yield Condition("Ready", end == "Succeeded", reason, message)
    yield Condition("Reconciling", at_work, reason, message)
    yield Condition("Stalled", stalled, reason, message if stalled else "")
    yield _suspended(draft, facts)
    yield from _of_stages(draft)
    yield _gate(end, message)
    finished = end in ("Succeeded", "GateFailed")
    yield Condition("Complete", finished, Reason.COMPLETE if finished else reason)
    yield Condition("Failed", end == "Failed", reason, message if end == "Failed" else "")
    if facts.queued:
        yield _quota(draft, facts)


def _suspended(draft: Draft, facts: Facts) -> Condition:
    if facts.suspend and facts.settled and not facts.end:
        return Condition("Suspended", True, Reason.SUSPENDED, "Nothing of the run is left on the cluster")
    was = draft.said("Suspended")
    resumed = was.get("status") == "True" or was.get("reason") == Reason.RESUMED
    return Condition("Suspended", False, Reason.RESUMED if resumed else Reason.NOT_SUSPENDED)


def _of_stages(draft: Draft) -> Iterable[Condition]:
    for base, kind in _OF_STAGE.items():
        stages = [s for s in draft.stages if s["name"].partition("-")[0] == base]
        yield _of_stage(kind, stages)


def _of_stage(kind: str, stages: list[Stage]) -> Condition:
    """One stage, or all rungs of it together."""
    done = [s for s in stages if s["state"] in DONE]
    if stages and len(done) == len(stages):
        cached = all(s["state"] == "Cached" for s in done)
        return Condition(kind, True, Reason.CACHE_HIT if cached else Reason.COMMITTED)
    failed = next((s for s in stages if s["state"] == "Failed"), None)
    if failed:
        why = failed.get("lastFailure", {}).get("message", "")
        return Condition(kind, False, Reason.STAGE_FAILED, why or f"{failed['name']} has failed")
    now = next((s for s in stages if s["state"] not in DONE), None)
    if now is None or (not done and not now["attempt"]):
        return Condition(kind, None, Reason.NOT_STARTED)
    if now["state"] == "Suspended":
        return Condition(kind, False, Reason.SUSPENDED)
    if "job" not in now and now.get("lastFailure"):
        return Condition(kind, False, Reason.RETRYING, conditions.cut(now["lastFailure"]["message"], 300))
    return Condition(kind, False, _WAITING_REASON.get(now["state"], Reason.PENDING))


def _gate(end: str | None, message: str) -> Condition:
    if end == "Succeeded":
        return Condition("GatePassed", True, Reason.GATE_PASSED)
    if end == "GateFailed":
        return Condition("GatePassed", False, Reason.GATE_FAILED, message)
    return Condition("GatePassed", None, Reason.NOT_EVALUATED)


def _quota(draft: Draft, facts: Facts) -> Condition:
    if isinstance(facts.quota, Problem):
        return Condition(QUOTA_RESERVED, False, facts.quota.reason, facts.quota.message)
    if facts.quota == "reserved":
        return Condition(QUOTA_RESERVED, True, Reason.QUOTA_RESERVED)
    was = draft.said(QUOTA_RESERVED)
    if facts.end and was:
        kept = {"True": True, "False": False}.get(was["status"])
        return Condition(QUOTA_RESERVED, kept, Reason(was["reason"]), was["message"])
    return Condition(QUOTA_RESERVED, None, Reason.NOT_STARTED)
