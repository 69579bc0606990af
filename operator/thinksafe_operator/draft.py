"""The status of a run while a pass works on it: a copy of what was recorded, changed step by step, closed once. Pure.

Times are whole seconds in the status. One that lies in the future comes from a clock that was set back since; it is
taken for now, so that nothing that is waited for moves away.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from thinksafe_operator import conditions
from thinksafe_operator.failures import Problem
from thinksafe_operator.names import job_name
from thinksafe_operator.parse import unix
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Attempt, Event, Progress, Run

DONE = ("Succeeded", "Cached")
_MOST_NODES = 16  # of avoidNodes
_MOST = 2**53  # what the API counts up to; only a log that lies says more
_TIMES = ("startTime", "progressTime", "time")  # those that something is waited for from

Stage = dict  # one entry of status.stages


def rfc3339(time: float) -> str:
    """Unix seconds as the API has them, down to the second."""
    return datetime.fromtimestamp(int(time), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Draft:
    """A run's status during one pass, with the events to tell and the moment to look again."""

    def __init__(self, run: Run, now: float, stages: Iterable[str] = ()) -> None:
        self.run, self.now, self.time = run, now, rfc3339(now)
        self.status = dict(run.status)  # a pass changes fields of the run and of stages, and nothing deeper
        self.events: list[Event] = []
        self.wake: float | None = None
        self._add_stages(stages)
        self._forget_the_future()
        self.status.setdefault("startTime", self.time)

    @property
    def stages(self) -> list[Stage]:
        return self.status["stages"]

    @property
    def current(self) -> Stage | None:
        """The first stage without a good outcome; None if there is none left."""
        return next((s for s in self.stages if s["state"] not in DONE), None)

    def said(self, condition: str) -> conditions.Mapping:
        """A condition as it was recorded before this pass."""
        return conditions.find(self.run.status.get("conditions"), condition)

    def since(self, time: str | None) -> float:
        """Seconds since a recorded time; 0 if it is unknown or still to come."""
        return max(0.0, self.now - unix(time)) if time else 0.0

    def tell(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        self.events.append(Event("Warning" if warning else "Normal", str(reason), conditions.cut(message)))

    def look_again_in(self, seconds: float) -> None:
        """Wake up after so long at the latest."""
        wanted = max(1.0, seconds)
        self.wake = wanted if self.wake is None else min(self.wake, wanted)

    # --- a stage's life ---------------------------------------------------------------------------------------------

    def plan(self, stage: Stage) -> None:
        """Record the next attempt, before its Job is made."""
        stage["attempt"] += 1
        stage["job"] = job_name(self.run.name, self.run.uid, stage["name"], stage["attempt"])
        stage["state"], stage["progressTime"] = "Waiting", self.time
        self.tell(Reason.STAGE_STARTED, f"{stage['name']}: attempt {stage['attempt']}, Job {stage['job']}")

    def attempt(self, stage: Stage) -> Attempt:
        """The attempt that is recorded, as something to create."""
        return Attempt(stage["name"], stage["attempt"], tuple(stage.get("avoidNodes", ())))

    def move(self, stage: Stage, state: str) -> None:
        """Set the state of a stage that goes on; the time of the last change moves only with it."""
        if stage["state"] != state:
            stage["state"], stage["progressTime"] = state, self.time

    def let_go(self, stage: Stage, state: str) -> None:
        """Its attempt is over without an outcome: from here on a Job of that name is not wanted."""
        self.move(stage, state)
        stage.pop("job", None)

    def finish(self, stage: Stage, state: str, artifacts: dict[str, str]) -> None:
        """Record an outcome. It is for good."""
        stage["state"], stage["completionTime"] = state, self.time
        stage.pop("tokensPerSecond", None)
        if artifacts:
            stage["artifacts"] = artifacts

    def record_failure(self, stage: Stage, problem: Problem) -> None:
        """How the attempt ended that is over now."""
        failure = {
            "code": problem.code,
            "reason": str(problem.reason),
            "message": conditions.cut(problem.message, 600),
            "hint": conditions.cut(problem.to_do, 300),
            "node": problem.node or None,
            "time": self.time,
        }
        stage["lastFailure"] = {k: v for k, v in failure.items() if v is not None}
        stage["progressTime"] = self.time
        if problem.reason is Reason.DEVICE_FAILED and problem.node:
            nodes = [n for n in stage.get("avoidNodes", []) if n != problem.node]
            stage["avoidNodes"] = [*nodes, problem.node][-_MOST_NODES:]

    def hear(self, stage: Stage, progress: Progress) -> None:
        """Note how far the workers are, and, if that is news, when it was heard."""
        before = {k: stage.get(k) for k in ("rows", "chunks", "tokens", "gpuSeconds", "totalRows")}
        told: dict[str, float] = {"rows": progress.rows, "chunks": progress.chunks, "tokens": progress.tokens}
        told |= {"gpuSeconds": round(progress.device_seconds, 1)}
        told |= {"totalRows": progress.total} if progress.total else {}
        told = {k: min(n, _MOST) for k, n in told.items()}
        heard = unix(stage.get("progressTime") or self.time)
        if any(before[k] != told[k] for k in told):
            grown, waited = told["tokens"] - (before["tokens"] or 0), self.now - heard
            if grown > 0 and waited >= 1 and before["tokens"] is not None:
                stage["tokensPerSecond"] = round(grown / waited, 1)
            heard = self.now
        stage |= told
        stage["progressTime"] = rfc3339(max(heard, min(progress.updated, self.now)))

    # --- inside ----------------------------------------------------------------------------------------------------

    def _add_stages(self, names: Iterable[str]) -> None:
        known = {s["name"]: s for s in self.status.get("stages", [])}
        fresh = {n: {"name": n, "state": "Waiting", "attempt": 0, "failures": 0} for n in names}
        self.status["stages"] = [{**fresh[n], **known.get(n, {})} for n in fresh] or [dict(s) for s in known.values()]

    def _forget_the_future(self) -> None:
        for part in (self.status, *(s for s in self.stages if s["state"] not in DONE)):
            if "lastFailure" in part:
                part["lastFailure"] = self._not_later(part["lastFailure"])
            part.update(self._not_later(part))

    def _not_later(self, part: dict) -> dict:
        return {k: self.time if k in _TIMES and unix(v) > self.now else v for k, v in part.items()}


def progress_text(stage: Stage | None, progress: Progress | None) -> str:
    """The short text of the column: how far the stage is that runs, "" if none does."""
    if stage is None or stage["state"] != "Running":
        return ""
    rows, total = stage.get("rows"), stage.get("totalRows")
    if not total or rows is None:
        return "loading"
    share = f"{min(100, 100 * rows // total)}%"
    several = stage["name"] in ("train", "evaluate")
    return f"{progress.node} {share}".strip() if several and progress else share


def count(stage: Stage, name: str, value: float | int | None) -> None:
    """Set a number that only grows: what was counted is never taken back by a worker that tells less."""
    if value is not None:
        stage[name] = max(stage.get(name) or 0, value)
