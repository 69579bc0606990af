"""One pass over a run that has not ended: what it knows, and what it has decided so far. Pure."""

from dataclasses import dataclass, field, replace

from thinksafe.placement import settings_for
from thinksafe.plan import stage_names
from thinksafe.pods import Stage as Settings
from thinksafe.spec import RunSpec
from thinksafe_operator import failures, reasons
from thinksafe_operator.draft import Draft, Stage
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Attempt, Job, Run, Seen
from thinksafe_operator.status import Facts

FREE_DISRUPTIONS = 3  # attempts of a stage that may be lost to deletion or disruption before they cost a retry


@dataclass
class Turn:
    """`facts` grows during the pass; `create` is the Job to make at its end."""

    run: Run
    spec: RunSpec
    seen: Seen
    now: float
    draft: Draft = field(init=False)
    facts: Facts = field(init=False)
    create: tuple[Attempt, ...] = ()

    def __post_init__(self) -> None:
        self.draft = Draft(self.run, self.now, stage_names(self.spec))
        self.facts = Facts(queued=self.spec.queue_name is not None, progress=self.seen.progress)

    @property
    def stage(self) -> Stage:
        """The stage that the run is at. Only of a run that has not ended."""
        stage = self.draft.current
        assert stage is not None, "a run whose stages are all done has ended"
        return stage

    def job(self, stage: Stage) -> Job | None:
        """The Job of the recorded attempt, if it is seen and ours."""
        return next((j for j in self.seen.jobs if j.ours and j.name == stage.get("job")), None)

    def settings(self, stage: Stage) -> Settings:
        return settings_for(self.spec, stage["name"])

    def live_jobs(self, but: str | None = None) -> tuple[Job, ...]:
        """The run's Jobs that go on, but for the one of this name."""
        return live_jobs(self.seen, but)

    def still_there(self) -> bool:
        """Whether anything of the run is left on the cluster, be it on its way out."""
        pods = any(p.phase in ("Pending", "Running") for p in self.seen.pods)
        return pods or any(j.ours and not j.finished for j in self.seen.jobs)

    def known_holdup(self, stage: Stage) -> Problem | None:
        """What was recorded to hold up this very attempt."""
        before = next((s for s in self.run.status.get("stages", ()) if s["name"] == stage["name"]), {})
        if self.run.status.get("stage") != stage["name"] or before.get("job") != stage.get("job"):
            return None
        ready = self.draft.said("Ready")
        return failures.recalled(ready["reason"], ready["message"]) if ready else None

    def attempt_failed(self, stage: Stage, problem: Problem) -> None:
        """An attempt is over without an outcome: another one, unless that is hopeless or they are used up."""
        free = problem.is_free and stage.get("disruptions", 0) < FREE_DISRUPTIONS
        kind = "disruptions" if free else "failures"
        stage[kind] = stage.get(kind, 0) + 1
        self.draft.record_failure(stage, problem)
        if problem.permanent:
            self.fail(problem)
            return
        if stage["failures"] > (self.settings(stage).retries or 0):
            self.fail(_for_the_last_time(stage, problem))
            return
        self.draft.let_go(stage, "Waiting")
        self.draft.tell(Reason.RETRYING, f"Attempt {stage['attempt']}: {problem.text()}", warning=True)

    def fail(self, problem: Problem) -> None:
        """The run is at its end, and the stage that it is at has failed."""
        stage = self.stage
        self.draft.record_failure(stage, problem)
        self.draft.finish(stage, "Failed", {})
        self.facts.end, self.facts.problem, self.create = "Failed", problem, ()
        self.draft.tell(Reason.STAGE_FAILED, f"{stage['name']}: failed in attempt {stage['attempt']}", warning=True)
        self.draft.tell(Reason.FAILED, problem.text(), warning=True)

    def check_patience(self, stage: Stage) -> None:
        """How long an attempt may wait to run at all."""
        limit = self.settings(stage).pending_deadline_seconds
        if limit is None or self.facts.end:
            return
        waited = self.draft.since(stage.get("progressTime"))
        if waited <= limit:
            self.draft.look_again_in(limit - waited + 1)
            return
        self.fail(failures.waited_too_long(stage["name"], waited, limit, self.facts.problem))


def _for_the_last_time(stage: Stage, problem: Problem) -> Problem:
    message = f"{problem.message.rstrip('. ')} (attempt {stage['attempt']}, the last)"
    return replace(problem, message=message, hint=f"{problem.to_do}. {reasons.what_to_do(Reason.STAGE_FAILED)}")


def live_jobs(seen: Seen, but: str | None = None) -> tuple[Job, ...]:
    """The run's Jobs that go on, but for the one of this name."""
    return tuple(j for j in seen.jobs if j.ours and not j.finished and not j.deleting and j.name != but)
