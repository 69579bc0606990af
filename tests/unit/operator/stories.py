"""Runs on the small cluster, taken to where a test begins."""

from dataclasses import replace

from unit.operator.small_cluster import Cluster, Operator

from thinksafe_operator.decide import decide
from thinksafe_operator.state import Decision, Job


class World:
    """A cluster with its operator; `fields` are those of the spec. What the operator told last is in `events`."""

    def __init__(self, **fields) -> None:
        self.cluster = Cluster({"suspend": False, **fields})
        self.operator = Operator(self.cluster)

    def settle(self, seconds: float = 0) -> "World":
        """Let time pass, then passes until nothing changes any more."""
        self.cluster.now += seconds
        for _ in range(8):
            before = self.cluster.state()
            self.operator.reconcile()
            if self.cluster.state() == before:
                return self
        raise AssertionError("it is never quiet")

    def to(self, stage: str, *, running: bool = True) -> "World":
        """To where this stage has its Job; with a pod that runs, or none."""
        while self.settle() and self.status["stage"] != stage:
            self.cluster.succeed(self.job)
        if running:
            self.cluster.start_pod(self.job)
        return self.settle()

    def end(self) -> "World":
        """To the end of the run."""
        self.to("report")
        self.cluster.succeed(self.job)
        return self.settle()

    def fails(self, code: int, **said) -> "World":
        """The running stage's Job fails, because its pod ended with this code."""
        self.cluster.end_pod(self.job, code, **said)
        self.cluster.end_job(self.job, "Failed")
        return self.settle()

    def decision(self, **seen) -> Decision:
        """What would be decided now, with something more seen."""
        run = self.cluster.run
        assert run is not None
        return decide(run, replace(self.cluster.seen(run), **seen), self.cluster.now)

    @property
    def status(self) -> dict:
        assert self.cluster.run is not None
        return self.cluster.run.status

    @property
    def job(self) -> Job:
        """The one live Job."""
        (job,) = self.cluster.live()
        return job

    @property
    def conditions(self) -> dict[str, tuple[str, str]]:
        return {c["type"]: (c["status"], c["reason"]) for c in self.status["conditions"]}

    @property
    def events(self) -> list[str]:
        return [reason for _, reason in self.cluster.told]

    def stage(self, name: str) -> dict:
        return next(s for s in self.status["stages"] if s["name"] == name)
