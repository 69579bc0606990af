"""One pass over an experiment that has not ended: what it knows, and what it has decided so far. Pure."""

from dataclasses import dataclass, field
from typing import Any

from thinksafe.experiment_status import MAX_WORDS, VARIANT_ENDS
from thinksafe.spec.experiment import ExperimentManifest, ExperimentSpec
from thinksafe.variants import run_name
from thinksafe_operator import conditions
from thinksafe_operator.draft import rfc3339
from thinksafe_operator.experiments.state import Child, Comparison, Experiment, Seen, Start
from thinksafe_operator.failures import Problem
from thinksafe_operator.parse import unix
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Event, Job

Entry = dict[str, Any]  # one of status.variants
MEASURED = ("Succeeded", "GateFailed")


@dataclass
class Course:
    """`status` grows during the pass, from a copy of what was recorded; the rest is to be done at its end."""

    experiment: Experiment
    manifest: ExperimentManifest
    seen: Seen
    now: float
    status: dict = field(init=False)
    problem: Problem | None = None  # what holds it up
    settled: bool = False  # it is suspended, and nothing of it goes on
    start: list[Start] = field(default_factory=list)
    suspend: list[tuple[Child, bool]] = field(default_factory=list)
    compare: Comparison | None = None
    delete_job: Job | None = None
    events: list[Event] = field(default_factory=list)
    wake: float | None = None

    def __post_init__(self) -> None:
        self.time = rfc3339(self.now)
        known = {v["name"]: v for v in self.experiment.status.get("variants", ())}
        fresh = [{"name": v.name, "phase": "Waiting"} for v in self.spec.variants]
        self.status = {**self.experiment.status, "variants": [{**v, **known.get(v["name"], {})} for v in fresh]}
        if "comparison" in self.status:
            self.status["comparison"] = dict(self.status["comparison"])
        self.status.setdefault("startTime", self.time)
        self._by_name = {c.name: c for c in self.seen.runs}

    @property
    def spec(self) -> ExperimentSpec:
        return self.manifest.spec

    @property
    def entries(self) -> list[Entry]:
        return self.status["variants"]

    def entry(self, variant: str) -> Entry:
        return next(v for v in self.entries if v["name"] == variant)

    def waiting(self) -> list[Entry]:
        """Those that have not begun, and may."""
        return [v for v in self.entries if v["phase"] not in VARIANT_ENDS and "run" not in v]

    def going(self) -> list[Entry]:
        """Those that have begun and not ended: a run of theirs is there, or will be."""
        return [v for v in self.entries if v["phase"] not in VARIANT_ENDS and "run" in v]

    def all_over(self) -> bool:
        return all(v["phase"] in VARIANT_ENDS for v in self.entries)

    def child(self, entry: Entry) -> Child | None:
        """What has the name of its run, ours or not."""
        return self._by_name.get(run_name(self.experiment.name, entry["name"]))

    def end(self, entry: Entry, phase: str, reason: str, message: str) -> None:
        """Record how a variant ended. It is for good."""
        entry.pop("progress", None)
        entry |= {"phase": phase, "reason": str(reason), "completionTime": self.time}
        entry["message"] = conditions.cut(message, MAX_WORDS)
        warns = phase == "Failed"
        self.tell(
            Reason.VARIANT_FAILED if warns else Reason.VARIANT_ENDED,
            f"{entry['name']}: {phase}. {message}",
            warning=warns,
        )

    def tell(self, reason: Reason, message: str, *, warning: bool = False) -> None:
        self.events.append(Event("Warning" if warning else "Normal", str(reason), conditions.cut(message)))

    def said(self, condition: str) -> conditions.Mapping:
        """A condition as it was recorded before this pass."""
        return conditions.find(self.experiment.status.get("conditions"), condition)

    def since(self, time: str | None) -> float:
        """Seconds since a recorded time; 0 if it is unknown or still to come."""
        return max(0.0, self.now - unix(time)) if time else 0.0

    def look_again_in(self, seconds: float) -> None:
        """Wake up after so long at the latest."""
        wanted = max(1.0, seconds)
        self.wake = wanted if self.wake is None else min(self.wake, wanted)
