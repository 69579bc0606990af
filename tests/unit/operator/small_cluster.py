"""A small model of a cluster, to drive `decide` with: an API server, a Job controller, Kueue, and workers that fail.

Not of decide's callers but of what is outside: objects with resourceVersions and histories, names that are taken once,
deletions that take their time. `Operator` does what a pass does, and may be stopped between any two calls.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

from unit.operator.specs import spec

from thinksafe.status import MAX_BYTES, RunStatus, size
from thinksafe_operator.decide import decide
from thinksafe_operator.names import job_name
from thinksafe_operator.state import Attempt, Decision, Job, Pod, Progress, Run, Seen, Workload

DONE = ("Succeeded", "Cached")
ENDED = ("Succeeded", "GateFailed", "Failed")
PASSED = {"passed": True, "failed": []}
FAILED = {"passed": False, "failed": ["harmful on tiny-harm rose by 0.2"]}


class Conflict(Exception):
    """409: the object has changed since it was read."""


@dataclass
class Snapshot:
    """What a reader may see: now, or later from a cache."""

    run: Run | None
    jobs: tuple[Job, ...]
    pods: tuple[Pod, ...]


@dataclass
class Cluster:
    """The truth. Every change of it goes through a method, and every write of the operator is checked."""

    fields: dict
    now: float = 1_800_000_000.0
    gate: dict = field(default_factory=lambda: PASSED)
    run: Run | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    reserved: bool = False
    quota: bool = True  # room in the namespace's ResourceQuota
    history: list[Snapshot] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)  # (uid of the run, reason) of every event
    outcomes: dict[str, dict[str, dict]] = field(default_factory=dict)  # uid -> stage -> the entry that was recorded
    verdicts: dict[str, dict] = field(default_factory=dict)  # uid -> the gate of the report Job that completed last
    made: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.create_run()

    # --- the run ---------------------------------------------------------------------------------------------------

    def create_run(self) -> None:
        number = next(self.numbers)
        self.run = Run("r", "ns", f"uid-{number}", str(number), 1, self.now, False, spec(**self.fields), {})
        self.remember()

    def delete_run(self) -> None:
        assert self.run is not None
        uid, self.run = self.run.uid, None
        # The garbage collector takes the children; in the background, but nobody can tell.
        self.jobs = {n: j for n, j in self.jobs.items() if not j.uid.startswith(uid)}
        self.pods = {n: p for n, p in self.pods.items() if n.split("/")[0] != uid}
        self.remember()

    def change_spec(self, **fields: object) -> None:
        assert self.run is not None
        self._put_run(spec={**self.run.spec, **fields}, generation=self.run.generation + 1)

    def write_status(self, read: Run, status: dict) -> Run:
        """Server-side apply with the resourceVersion that was read."""
        if self.run is None or self.run.uid != read.uid or self.run.resource_version != read.resource_version:
            raise Conflict
        RunStatus.model_validate(status)
        assert size(status) < MAX_BYTES
        status = json.loads(json.dumps(status))
        self._check_status(self.run, status)
        if status != self.run.status:
            self._put_run(status=status)
        return self.run

    def _put_run(self, **changes: object) -> None:
        assert self.run is not None
        self.run = replace(self.run, resource_version=str(next(self.numbers)), **changes)
        self.remember()

    # --- Jobs ------------------------------------------------------------------------------------------------------

    def create_job(self, by: Run, attempt: Attempt) -> None:
        """Conflict if somebody else has the name, PermissionError if the quota is full; ours is fine."""
        name = job_name(by.name, by.uid, attempt.stage, attempt.attempt)
        if name in self.jobs:
            if not self.jobs[name].ours:
                raise Conflict(name)
            return
        if not self.quota:
            raise PermissionError("exceeded quota: gpus")
        self._check_creation(by, attempt, name)
        uid = f"{by.uid}/{next(self.numbers)}"
        queued = "queueName" in by.spec
        self.jobs[name] = Job(name, uid, attempt.stage, attempt.attempt, self.now, suspended=queued)
        self.reserved = False
        self.made.append(name)
        self.remember()

    def foreign_job(self, name: str) -> None:
        if name not in self.jobs:
            self.jobs[name] = Job(name, f"foreign/{next(self.numbers)}", "", 0, self.now, ours=False)
            self.remember()

    def delete_job(self, name: str, uid: str, *, slowly: bool) -> None:
        """With a uid precondition. Slowly: the Job and its pods are there for a while yet."""
        job = self.jobs.get(name)
        if job is None or job.uid != uid:
            return
        if slowly:
            self.jobs[name] = replace(job, deleting=True)
        else:
            del self.jobs[name]
            self.pods = {n: p for n, p in self.pods.items() if not n.startswith(job.uid)}
        self.remember()

    def live(self, uid: str | None = None) -> list[Job]:
        mine = [j for j in self.jobs.values() if j.ours and (uid is None or j.uid.startswith(f"{uid}/"))]
        return [j for j in mine if not j.finished and not j.deleting]

    def change_job(self, job: Job, **changes: object) -> None:
        self.jobs[job.name] = replace(job, **changes)
        self.remember()

    def start_pod(self, job: Job) -> None:
        name = f"{job.uid}/{next(self.numbers)}"
        self.pods[name] = Pod(name, job.stage, job.attempt, 0, "Running", self.now, node="n1", running=True)
        self.change_job(job, active=1, ready=1)

    def end_pod(self, job: Job, code: int, **said: object) -> Pod:
        """The running pod of the job, or one that nobody saw running, ends with this code and these words."""
        pod = next((p for p in self.pods.values() if p.name.startswith(job.uid) and p.running), None)
        pod = pod or Pod(f"{job.uid}/{next(self.numbers)}", job.stage, job.attempt, 0, "Running", self.now, node="n1")
        words = {"code": code, "message": "so it was", "hint": "do this", "stage": job.stage, **said}
        phase = "Failed" if code else "Succeeded"
        ended = replace(pod, phase=phase, running=False, exit_code=code, finished_at=self.now, words=words)
        self.pods[pod.name] = ended
        self.change_job(self.jobs[job.name], active=0, ready=0)
        return ended

    def end_job(self, job: Job, kind: str) -> None:
        job = self.jobs[job.name]
        if kind == "Complete" and job.stage == "report":
            self.verdicts[job.uid.split("/")[0]] = self.gate
        self.change_job(job, finished=kind, active=0, ready=0, finished_at=self.now, reason="PodFailurePolicy")

    def succeed(self, job: Job, *, words: bool = True, held: tuple[str, ...] = ()) -> None:
        pod = self.end_pod(
            job, 0, artifacts={"prompts": "ab" * 32, "scores-1": "cd" * 32}, held=["prepare", *held], chunks=3,
            counts={"rows": 7, "tokens": 70, "device_seconds": 1.5}, gate=self.gate, results=[],
            report="s3://b/index.html", adapter="s3://b/released" if self.gate.get("passed") else None,
        )  # fmt: skip
        if not words:
            self.pods[pod.name] = replace(pod, words=None)
        self.end_job(job, "Complete")

    # --- what is seen ----------------------------------------------------------------------------------------------

    def state(self) -> tuple:
        """Everything that a pass can change."""
        return self.run, dict(self.jobs), len(self.told)

    def remember(self) -> None:
        """Keep what a cache may show later, of the few latest changes."""
        self.history = [*self.history[-11:], Snapshot(self.run, tuple(self.jobs.values()), tuple(self.pods.values()))]

    def seen(self, run: Run, jobs_age: int = 0, progress: Progress | None = None) -> Seen:
        """What an observer sees of this run; from a cache that lags behind by so many changes, or live."""
        shot = self.history[max(0, len(self.history) - 1 - jobs_age)] if jobs_age else None
        jobs, pods = (shot.jobs, shot.pods) if shot else (tuple(self.jobs.values()), tuple(self.pods.values()))
        mine = tuple(replace(j, ours=j.uid.startswith(f"{run.uid}/")) for j in jobs if _is_of(j, run))
        waits = any(j.suspended for j in mine if not j.finished)
        workload = Workload(not waits, "Pending", "waits for quota") if "queueName" in run.spec else None
        of_run = tuple(p for p in pods if p.name.startswith(f"{run.uid}/"))
        return Seen(mine, of_run, workload, progress, live=shot is None)

    # --- what must hold at every write -----------------------------------------------------------------------------

    def _check_status(self, run: Run, status: dict) -> None:
        conditions = {c["type"]: c for c in status["conditions"]}
        stages = {s["name"]: s for s in status["stages"]}
        before = {s["name"]: s for s in run.status.get("stages", ())}
        for name, old in self.outcomes.setdefault(run.uid, {}).items():
            assert stages[name] == old, f"the outcome of {name} was forgotten"
        for name, stage in stages.items():
            assert stage["attempt"] >= before.get(name, {}).get("attempt", 0), "an attempt was taken back"
            if stage["state"] in (*DONE, "Failed"):
                self.outcomes[run.uid][name] = json.loads(json.dumps(stage))
        if run.status.get("phase") in ENDED:
            same = {k: v for k, v in status.items() if k not in ("observedGeneration", "conditions")}
            old = {k: v for k, v in run.status.items() if k not in ("observedGeneration", "conditions")}
            assert same == old, "an end was changed"
        is_open = conditions["GatePassed"]["status"] == "True"
        assert not is_open or self.verdicts.get(run.uid) == PASSED, "the gate is open, but the report did not say so"
        assert is_open or "adapter" not in status, "an adapter is published behind a closed gate"
        assert is_open or conditions["Ready"]["status"] != "True"
        assert (status["phase"] == "Succeeded") == is_open == (conditions["Ready"]["status"] == "True")
        ends = [k for k in ("Complete", "Failed") if conditions[k]["status"] == "True"]
        assert len(ends) == (status["phase"] in ENDED)
        if conditions["Suspended"]["status"] == "True":
            unfinished = [j for j in self.jobs.values() if j.uid.startswith(f"{run.uid}/") and not j.finished]
            assert not unfinished, "suspended, and yet something runs"

    def _check_creation(self, by: Run, attempt: Attempt, name: str) -> None:
        assert self.run is not None and self.run.uid == by.uid, "a Job of a run that is gone"
        status = self.run.status
        entries = {s["name"]: s for s in status.get("stages", ())}
        names = list(entries)
        earlier = names[: names.index(attempt.stage)]
        assert all(entries[n]["state"] in DONE for n in earlier), "before its inputs are recorded"
        assert attempt.stage not in self.outcomes.get(by.uid, {}), "a recorded outcome is made again"
        assert entries[attempt.stage]["attempt"] == attempt.attempt, "a Job that is not recorded"
        assert entries[attempt.stage].get("job") == name, "a Job that is not recorded"
        assert status["phase"] not in ENDED, "a Job after the end"
        assert not self.run.spec.get("suspend"), "a Job of a suspended run"
        assert not self.live(by.uid), "two live Jobs of one run"


def _is_of(job: Job, run: Run) -> bool:
    """By its owner, or because it has the name that a Job of this run would have."""
    return job.uid.startswith(f"{run.uid}/") or (not job.ours and f"-{_short(run)}-" in job.name)


def _short(run: Run) -> str:
    return job_name("r", run.uid, "s", 1).split("-")[2]


@dataclass
class Operator:
    """One pass at a time, over the API of a cluster. One that does not come to its end: a crash, a 429, a 500."""

    cluster: Cluster
    progress: Progress | None = None

    def look(self, run_age: int = 0, jobs_age: int = 0) -> tuple[Run, Seen] | None:
        cluster = self.cluster
        shots = [s.run for s in cluster.history if s.run is not None]
        run = shots[max(0, len(shots) - 1 - run_age)] if run_age and shots else cluster.run
        return None if run is None else (run, cluster.seen(run, jobs_age, self.progress))

    def steps(self, run: Run, seen: Seen) -> Iterator[Callable[[], None]]:
        """The writes of one pass, each to be carried out by calling it."""
        cluster, before = self.cluster, json.dumps(run.status)
        decision = decide(run, seen, cluster.now)
        assert json.dumps(run.status) == before, "what was read was changed"
        self._check_twice(run, seen, decision)
        read, refused, writes = run, None, decision.status != run.status

        def write() -> None:
            nonlocal read
            read = cluster.write_status(read, decision.status)

        def create(attempt: Attempt) -> None:
            nonlocal refused
            try:
                cluster.create_job(run, attempt)
            except PermissionError as error:
                refused = (403, str(error))
            except Conflict as error:
                refused = (409, f"{error} already exists")

        if writes or decision.create or decision.delete or decision.delete_run:
            yield write
        for attempt in decision.create:
            yield lambda attempt=attempt: create(attempt)
        told = decision.events
        if refused is not None:
            decision = replace(decide(read, replace(cluster.seen(read), refused=refused), cluster.now), create=())
            told = (*told, *decision.events)
            yield write
        for job in decision.delete:
            yield lambda job=job: cluster.delete_job(job.name, job.uid, slowly=True)
        if told:
            yield lambda: cluster.told.extend((run.uid, e.reason) for e in told)
        if decision.delete_run:
            yield lambda: self._delete_run(read)

    def _delete_run(self, read: Run) -> None:
        if self.cluster.run is not None and self.cluster.run.uid == read.uid:
            self.cluster.delete_run()

    def _check_twice(self, run: Run, seen: Seen, decision: Decision) -> None:
        """A second decision with the status of the first changes nothing and tells nothing."""
        again = decide(replace(run, status=json.loads(json.dumps(decision.status))), seen, self.cluster.now)
        assert again.status == decision.status, "a second decision changes the status"
        assert not again.events, f"told twice: {again.events}"
        assert again.delete == decision.delete and set(again.create) >= set(decision.create)

    def reconcile(self, run_age: int = 0, jobs_age: int = 0, stop: int | None = None, done: bool = False) -> int:
        """One pass; the number of its writes. It ends at the write `stop`, which is then `done` or not."""
        looked = self.look(run_age, jobs_age)
        if looked is None:
            return 0
        number = 0
        try:
            for number, step in enumerate(self.steps(*looked), start=1):
                if number == stop:
                    if done:
                        step()
                    return number
                step()
        except Conflict:
            pass  # the run has changed: it is read again at the next pass
        return number
