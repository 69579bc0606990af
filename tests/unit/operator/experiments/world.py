"""A small model of a cluster that holds one experiment: what is outside of decide, and passes over it.

Runs and Jobs do what they want; every write of the operator is checked against what must hold.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from thinksafe.experiment_status import EXPERIMENT_CONDITIONS, VARIANT_ENDS, ExperimentStatus
from thinksafe.status import MAX_BYTES, size
from thinksafe_operator.experiments.decide import decide
from thinksafe_operator.experiments.state import Child, Comparison, Decision, Experiment, Seen, Start
from thinksafe_operator.state import Job, Pod

RUN = {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]}
ADAPTER = "ab" * 32
REPORT = "s3://bucket/experiments/ns/e/uid/index.html"
ENDED = ("Succeeded", "Failed")
RUN_ENDS = ("Succeeded", "GateFailed", "Failed")


class Conflict(Exception):
    """409: the object has changed since it was read."""


def spec(*variants: dict | str, **fields: object) -> dict:
    """The spec of an experiment; a variant that is only named changes nothing."""
    listed = [{"name": v} if isinstance(v, str) else v for v in variants]
    return {"run": RUN, "variants": listed, **fields}


@dataclass
class World:
    """The truth. `denied`: variants whose run the API server refuses, and how; `job_denied` the same of a comparison's
    Job. `held_up`: why no node takes a comparison's pod. `go`: what comparisons answer."""

    fields: dict
    now: float = 1_800_000_000.0
    go: bool = True
    denied: dict[str, tuple[int, str]] = field(default_factory=dict)
    job_denied: tuple[int, str] | None = None
    held_up: str = ""
    experiment: Experiment | None = None
    runs: dict[str, Child] = field(default_factory=dict)
    job: Job | None = None
    words: dict | None = None
    told: list[tuple[str, str]] = field(default_factory=list)
    made: list[str] = field(default_factory=list)
    outcomes: dict[str, dict] = field(default_factory=dict)
    history: list[Experiment] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        number = str(next(self.numbers))
        self._put(Experiment("e", "ns", "uid", number, 1, self.now, False, self.fields, {}))

    @property
    def status(self) -> dict:
        assert self.experiment is not None
        return self.experiment.status

    def variant(self, name: str) -> dict:
        return next(v for v in self.status["variants"] if v["name"] == name)

    def condition(self, kind: str) -> dict:
        return next(c for c in self.status["conditions"] if c["type"] == kind)

    def live(self) -> list[str]:
        return [n for n, c in self.runs.items() if c.phase not in RUN_ENDS]

    # --- what users, runs and Jobs do --------------------------------------------------------------------------------

    def change_spec(self, **fields: object) -> None:
        assert self.experiment is not None
        old = self.experiment
        self._put(replace(old, spec={**old.spec, **fields}, generation=old.generation + 1))

    def change_run(self, name: str, **changes: object) -> None:
        self.runs[name] = replace(self.runs[name], **changes)

    def end_run(self, name: str, phase: str = "Succeeded", adapter: str = ADAPTER) -> None:
        gate = {"Succeeded": "Passed", "GateFailed": "Failed"}.get(phase, "Pending")
        results = ({"kind": "harmful", "benchmark": "tiny-harmful", "aligned": 0.1},) if phase != "Failed" else ()
        reason = {"Succeeded": "Complete", "Failed": "BadData"}.get(phase, phase)
        self.change_run(
            name, phase=phase, gate=gate, reason=reason, message=f"It is {phase}", results=results,
            adapter="" if phase == "Failed" else adapter,
        )  # fmt: skip

    def start_job(self) -> None:
        assert self.job is not None
        self.job = replace(self.job, ready=1)

    def end_job(self, finished: str = "Complete", words: dict | None = None, reason: str = "") -> None:
        assert self.job is not None
        self.job = replace(self.job, finished=finished, active=0, ready=0, reason=reason)
        rounds = {v["generatorFrom"]: {"go": self.go, "why": "So it is."} for v in self.fields["variants"]
                  if "generatorFrom" in v}  # fmt: skip
        well = {"code": 0, "stage": "compare", "report": REPORT, "rounds": rounds, "results": []}
        self.words = (well if words is None else words) if finished == "Complete" else None

    # --- what the operator does --------------------------------------------------------------------------------------

    def seen(self, read: Experiment | None = None) -> Seen:
        """What an observer sees that has read the experiment so; it asks for the Job that is recorded there."""
        told = (read or self.experiment or self.history[-1]).status.get("comparison") or {}
        job = self.job if self.job is not None and self.job.name == told.get("job") else None
        pods = ()
        if job is not None and self.words is not None:
            pods = (_pod(job, self.words),)
        elif job is not None and self.held_up and not job.ready:
            pods = (Pod(f"{job.name}-0", "compare", job.attempt, 0, "Pending", self.now, unschedulable=self.held_up),)
        return Seen(runs=tuple(c for _, c in sorted(self.runs.items())), job=job, pods=pods)

    def steps(self, read: Experiment, seen: Seen) -> Iterator[Callable[[], None]]:
        """The writes of one pass, each to be carried out by calling it: as experiments/reconcile.py does them."""
        before = json.dumps(read.status)
        decision = decide(read, seen, self.now)
        assert json.dumps(read.status) == before, "what was read was changed"
        self._check_twice(read, seen, decision)
        version = [read.resource_version]
        refused: dict[str, tuple[int, str]] = {}
        told = list(decision.events)
        if decision.status != read.status or decision.acts:
            yield lambda: version.append(self._write(version[-1], decision.status))
        for start in decision.start:
            yield lambda start=start: refused.update(self._make_run(start))
        no_job: list[tuple[int, str]] = []
        if decision.compare is not None:
            yield lambda: no_job.extend(self._make_job(decision.compare))
        if refused or no_job:
            assert self.experiment is not None
            fresh = replace(read, status=decision.status, resource_version=version[-1])
            again = decide(fresh, replace(seen, refused=refused, job_refused=next(iter(no_job), None)), self.now)
            told += again.events
            yield lambda: version.append(self._write(version[-1], again.status))
        for child, suspend in decision.suspend:
            yield lambda child=child, suspend=suspend: self._set_suspend(child, suspend)
        if decision.delete_job is not None:
            yield lambda: self._delete_job(decision.delete_job)
        yield lambda: self.told.extend((e.reason, e.message) for e in told)
        if decision.delete:
            yield self._delete

    def reconcile(self, stop: int | None = None, *, done: bool = False, age: int = 0) -> None:
        """One pass; it ends at the write `stop`, which is then `done` or not. `age`: how old its reading is."""
        if self.experiment is None:
            return
        read = self.history[max(0, len(self.history) - 1 - age)]
        try:
            for number, step in enumerate(self.steps(read, self.seen(read)), start=1):
                if number == stop:
                    if done:
                        step()
                    return
                step()
        except Conflict:
            pass  # it is read again at the next pass

    def settle(self, seconds: float = 0) -> "World":
        """Let time pass, then passes until nothing changes any more."""
        self.now += seconds
        for _ in range(12):
            before = self.state()
            self.reconcile()
            if self.state() == before:
                return self
        raise AssertionError("it is never quiet")

    def state(self) -> tuple:
        return self.experiment, dict(self.runs), self.job, len(self.told)

    def _put(self, experiment: Experiment) -> None:
        self.experiment = replace(experiment, resource_version=str(next(self.numbers)))
        self.history = [*self.history[-8:], self.experiment]

    def _write(self, version: str, status: dict) -> str:
        if self.experiment is None or self.experiment.resource_version != version:
            raise Conflict
        ExperimentStatus.model_validate(status)
        assert size(status) < MAX_BYTES
        self._check_status(status)
        if status != self.experiment.status:
            self._put(replace(self.experiment, status=json.loads(json.dumps(status))))
        return self.experiment.resource_version

    def _make_run(self, start: Start) -> dict[str, tuple[int, str]]:
        name = f"e-{start.variant}"
        if self.experiment is None:
            return {}
        if (no := self.denied.get(start.variant)) is not None:
            return {start.variant: no}
        if name in self.runs:
            return {} if self.runs[name].ours else {start.variant: (409, f"{name} already exists")}
        entry = self.variant(start.variant)
        assert entry["run"] == name, "a run that is not recorded"
        assert entry["phase"] not in VARIANT_ENDS, "a run of a variant that has ended"
        self.runs[name] = Child(name, f"run-{next(self.numbers)}")
        self.made.append(name)
        return {}

    def _make_job(self, wanted: Comparison | None) -> list[tuple[int, str]]:
        if wanted is None or (self.job is not None and self.job.name == wanted.job):
            return []
        if self.job_denied is not None:
            return [self.job_denied]
        assert self.status["comparison"]["job"] == wanted.job, "a Job that is not recorded"
        assert self.job is None or self.job.finished, "two comparisons at a time"
        self.job, self.words = Job(wanted.job, f"job-{next(self.numbers)}", "compare", wanted.attempt, self.now), None
        return []

    def _set_suspend(self, child: Child, suspend: bool) -> None:
        there = self.runs.get(child.name)
        if there is not None and there.uid == child.uid:
            self.change_run(child.name, suspend=suspend)

    def _delete_job(self, job: Job | None) -> None:
        if job is not None and self.job is not None and self.job.uid == job.uid:
            self.job = None

    def _delete(self) -> None:
        self.experiment, self.runs, self.job = None, {}, None

    # --- what must hold at every write -------------------------------------------------------------------------------

    def _check_status(self, status: dict) -> None:
        conditions = {c["type"]: c["status"] for c in status["conditions"]}
        assert tuple(conditions) == EXPERIMENT_CONDITIONS
        assert not (conditions["Stalled"] == conditions["Reconciling"] == "True")
        assert (
            (conditions["Ready"] == "True") == (conditions["Complete"] == "True") == (status["phase"] == "Succeeded")
        )
        assert (conditions["Failed"] == "True") == (status["phase"] == "Failed")
        if conditions["Suspended"] == "True":
            assert all(c.phase == "Suspended" for n, c in self.runs.items() if n in self.live() and c.ours)
        for entry in status.get("variants", ()):
            if (known := self.outcomes.get(entry["name"])) is not None:
                assert entry == known, f"the outcome of {entry['name']} was forgotten"
            elif entry["phase"] in VARIANT_ENDS:
                self.outcomes[entry["name"]] = json.loads(json.dumps(entry))

    def _check_twice(self, read: Experiment, seen: Seen, decision: Decision) -> None:
        """A second decision with the status of the first changes nothing and tells nothing."""
        again = decide(replace(read, status=json.loads(json.dumps(decision.status))), seen, self.now)
        assert again.status == decision.status, "a second decision changes the status"
        assert not again.events, f"told twice: {again.events}"
        assert set(again.start) >= set(decision.start) and again.suspend == decision.suspend


def _pod(job: Job, words: dict) -> Pod:
    return Pod(f"{job.name}-0", "compare", job.attempt, 0, "Succeeded", job.created, exit_code=0, words=words)


def one_over() -> World:
    world = World(spec("a")).settle()
    world.end_run("e-a")
    return world.settle()


def told(world: World, reason: str) -> list[str]:
    return [message for known, message in world.told if known == reason]


def phases(world: World) -> dict[str, str]:
    return {v["name"]: v["phase"] for v in world.status["variants"]}


def to_the_end(world: World) -> World:
    """Whatever goes on ends well."""
    for _ in range(12):
        world.settle(400)
        for name in world.live():
            world.end_run(name)
        if world.job is not None and not world.job.finished:
            world.end_job()
    return world.settle()
