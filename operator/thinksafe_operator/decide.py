"""What is to be done about a run, from what is recorded and what is seen: its story, top to bottom. Pure.

The status is the only memory. It is written first, fenced by the resourceVersion it was read at (state.Decision), so
whoever decided from an old reading does nothing at all. What is seen of Jobs and pods may be old all the same:

- an attempt is recorded before its Job is made, and its Job's name follows from it: making it twice makes it once;
- a Job's end is believed whenever it is seen, for it is for good, and is recorded before anything may delete the Job;
- a Job's absence is believed only from a live reading, and never undoes an outcome;
- any live Job that is not the recorded one is deleted, and no attempt begins while one is there.
"""

from thinksafe import manifest
from thinksafe.errors import ThinkSafeError
from thinksafe.placement import settings_for
from thinksafe.plan import stage_names
from thinksafe.pods import Stage as Settings
from thinksafe.spec import API_VERSION, KIND, RunSpec
from thinksafe_operator import conditions, failures, outcomes
from thinksafe_operator.draft import Draft, Stage, count
from thinksafe_operator.failures import Problem
from thinksafe_operator.parse import unix
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Attempt, Decision, Job, Run, Seen
from thinksafe_operator.status import Facts, closed

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds before another attempt, doubled each time
FREE_DISRUPTIONS = 3  # attempts of a stage that may be lost to deletion or disruption before they cost a retry
LEAVING_SECONDS = 600.0  # how long the pods of one attempt may hold up the next: longer, and their node is lost
LOOK_SOON, LOOK_AGAIN, LOOK_RARELY = 5.0, 15.0, 60.0


def decide(run: Run, seen: Seen, now: float) -> Decision:
    """What to do now. A second call with the status of the first changes nothing."""
    if run.deleting:
        return Decision(run.status)  # Kubernetes deletes its children; nothing is made any more
    if conditions.ended(run.status.get("conditions")):
        return _after_the_end(run, seen, now)
    try:
        spec = _spec(run)
    except ThinkSafeError as error:
        return _never_possible(run, seen, now, error)
    return _Pass(run, spec, seen, now).decision()


def _spec(run: Run) -> RunSpec:
    """The spec, checked by the fields alone. What needs data to be checked prepare finds: it ends with 65 or 78."""
    metadata = {"name": run.name, "namespace": run.namespace}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": run.spec}
    return manifest.parse(document, where="the manifest").spec


def _never_possible(run: Run, seen: Seen, now: float, error: ThinkSafeError) -> Decision:
    draft, problem = Draft(run, now), Problem(Reason.INVALID_SPEC, str(error))
    if stage := draft.current:
        draft.finish(stage, "Failed", {})
    draft.tell(Reason.FAILED, problem.text(), warning=True)
    status = closed(draft, Facts(end="Failed", problem=problem, queued=bool(run.spec.get("queueName"))))
    return Decision(status, delete=_live(seen), events=tuple(draft.events))


def _after_the_end(run: Run, seen: Seen, now: float) -> Decision:
    """The outcome is for good. Only what was left behind is cleared away, and the run itself when its time is over."""
    told = [{**c, "observedGeneration": run.generation} for c in run.status["conditions"]]
    status = {**run.status, "observedGeneration": run.generation, "conditions": told}
    ttl, ended = run.spec.get("ttlSecondsAfterFinished"), run.status.get("completionTime")
    if not isinstance(ttl, int) or not ended:
        return Decision(status, delete=_live(seen))
    left = unix(ended) + ttl - now
    over = left <= 0
    return Decision(status, delete=_live(seen), delete_run=over, requeue_after=None if over else max(1.0, left))


def _live(seen: Seen, but: str | None = None) -> tuple[Job, ...]:
    """The run's Jobs that go on, but for one."""
    return tuple(j for j in seen.jobs if j.ours and not j.finished and not j.deleting and j.name != but)


class _Pass:
    """One pass over a run that has not ended."""

    def __init__(self, run: Run, spec: RunSpec, seen: Seen, now: float) -> None:
        self.run, self.spec, self.seen, self.now = run, spec, seen, now
        self.draft = Draft(run, now, stage_names(spec))
        self.end: str | None = None
        self.problem: Problem | None = None
        self.quota: Problem | str | None = None
        self.settled = False
        self.create: tuple[Attempt, ...] = ()

    def decision(self) -> Decision:
        """First what happened, then what must not go on, then what comes next."""
        self._count_suspension()
        self._hear()
        self._check_deadline()
        if not self.end:
            self._suspend() if self.spec.suspend else self._go_on()
        self._tell_problem()
        stage, facts = self.draft.current, self._facts()
        wanted = stage.get("job") if stage and not self.end and not self.spec.suspend else None
        return Decision(
            closed(self.draft, facts),
            create=self.create,
            delete=_live(self.seen, but=wanted),
            events=tuple(self.draft.events),
            requeue_after=LOOK_SOON if self.end else self.draft.wake,
        )

    # --- what happened since the last pass --------------------------------------------------------------------------

    def _hear(self) -> None:
        """Record how the current attempt ended, before anything may make its Job go away."""
        stage = self.draft.current
        if stage is None or "job" not in stage:
            return
        job = self._job(stage)
        if job is None:
            self._hear_nothing(stage)
        elif job.finished == "Complete":
            self._hear_success(stage, job)
        elif job.finished == "Failed":
            # A Job that we stop ourselves may well fail of it.
            if stage["state"] != "Suspended":
                self._hear_failure(stage, failures.of_job(job, self.seen.pods))
        elif job.deleting:
            self.draft.look_again_in(LOOK_SOON)
        elif not self.spec.suspend:
            self._watch(stage, job)

    def _hear_nothing(self, stage: Stage) -> None:
        """Its Job is not seen: gone, if it was there before and this is certain."""
        if not self.seen.live:
            self.draft.look_again_in(LOOK_SOON)
        elif stage["state"] == "Suspended":
            self.draft.let_go(stage, "Suspended")
        elif stage["state"] in ("Queued", "Running"):
            self._hear_failure(stage, Problem(Reason.JOB_DELETED, f"{stage['name']}: Job {stage['job']} is gone"))

    def _hear_success(self, stage: Stage, job: Job) -> None:
        """Its outcome, with what prepare and report have to tell for the run to go on."""
        words = outcomes.last_words(job, self.seen.pods)
        told = True
        if stage["name"] == "prepare":
            told = outcomes.of_prepare(words)
        elif stage["name"] == "report":
            told = outcomes.of_report(words)
        if told is None and not self.seen.live:
            self.draft.look_again_in(LOOK_SOON)
            return
        if told is None:
            self._hear_failure(stage, Problem(Reason.NO_RESULT, f"{stage['name']}: Job {job.name} left no result"))
            return
        self._succeed(stage, outcomes.of_stage(stage["name"], words))
        if isinstance(told, outcomes.Prepared):
            self._skip_what_is_held(told)
        elif isinstance(told, outcomes.Verdict):
            self._conclude(told)

    def _succeed(self, stage: Stage, outcome: outcomes.Outcome) -> None:
        self.draft.finish(stage, "Succeeded", outcome.artifacts)
        for name, value in (("rows", outcome.rows), ("tokens", outcome.tokens), ("gpuSeconds", outcome.gpu_seconds)):
            count(stage, name, value)
        count(self.draft.status, "kept", outcome.kept)
        count(self.draft.status, "judged", outcome.judged)
        self.draft.tell(Reason.STAGE_SUCCEEDED, f"{stage['name']}: done in attempt {stage['attempt']}")

    def _skip_what_is_held(self, told: outcomes.Prepared) -> None:
        """The store has all that these stages make. The report is made anew: it is what publishes."""
        skipped = [s for s in self.draft.stages if s["name"] in told.held and s["name"] not in ("prepare", "report")]
        for stage in skipped:
            self.draft.finish(stage, "Cached", outcomes.only_of(stage["name"], told.artifacts))
        for stage in self.draft.stages:
            if told.chunks and stage["name"].partition("-")[0] in ("generate", "filter"):
                stage["totalChunks"] = told.chunks
        if skipped:
            names = ", ".join(s["name"] for s in skipped)
            self.draft.tell(Reason.STAGE_CACHED, f"{names}: the store has it already, no Job is needed")

    def _conclude(self, verdict: outcomes.Verdict) -> None:
        """The report is made: the run is at its end, with the gate passed or not."""
        status = self.draft.status
        status |= {"results": verdict.results, "report": verdict.report}
        if verdict.passed:
            self.end, status["adapter"] = "Succeeded", verdict.adapter
            self.draft.tell(Reason.GATE_PASSED, f"Every rule of the gate is met; the adapter is at {verdict.adapter}")
        else:
            why = "; ".join(verdict.failed) or "a rule is not met"
            self.end, self.problem = "GateFailed", Problem(Reason.GATE_FAILED, f"The gate is not passed: {why}")
            self.draft.tell(Reason.GATE_FAILED, self.problem.text(), warning=True)
        self.draft.tell(Reason.COMPLETED, f"The run is complete; its report is at {verdict.report}")

    def _hear_failure(self, stage: Stage, problem: Problem) -> None:
        """An attempt is over without an outcome: another one, unless that is hopeless or they are used up."""
        counts = not problem.is_free or stage.get("disruptions", 0) >= FREE_DISRUPTIONS
        self.draft.record_failure(stage, problem, counts=counts)
        if problem.permanent or stage["failures"] > (self._settings(stage).retries or 0):
            self._fail(problem)
            return
        self.draft.let_go(stage, "Waiting")
        self.draft.tell(Reason.RETRYING, f"Attempt {stage['attempt']}: {problem.text()}", warning=True)

    def _fail(self, problem: Problem) -> None:
        """The run is at its end, and the stage that it is at has failed."""
        stage = self.draft.current
        assert stage is not None, "a run whose stages are all done has ended"
        if stage.get("lastFailure", {}).get("message") != conditions.cut(problem.message, 600):
            self.draft.record_failure(stage, problem, counts=True)
        self.draft.finish(stage, "Failed", {})
        self.end, self.problem, self.create = "Failed", problem, ()
        self.draft.tell(Reason.STAGE_FAILED, f"{stage['name']}: failed in attempt {stage['attempt']}", warning=True)
        self.draft.tell(Reason.FAILED, problem.text(), warning=True)

    # --- a Job that goes on ------------------------------------------------------------------------------------------

    def _watch(self, stage: Stage, job: Job) -> None:
        if self.spec.queue_name and not job.suspended:
            self.quota = "reserved"
        if not job.suspended and self._runs(job):
            self._watch_running(stage)
            return
        self.problem = self._holdup(stage, job)
        if self.problem or stage["state"] != "Running":
            self.draft.move(stage, "Queued")
        if job.suspended:
            self.quota = self.problem
            self.draft.look_again_in(LOOK_RARELY)
        else:
            self.draft.look_again_in(LOOK_RARELY if self.problem else LOOK_AGAIN)
        self._check_patience(stage)

    def _runs(self, job: Job) -> bool:
        mine = [p for p in self.seen.pods if (p.stage, p.attempt) == (job.stage, job.attempt)]
        return job.ready > 0 or any(p.running for p in mine)

    def _watch_running(self, stage: Stage) -> None:
        self.draft.move(stage, "Running")
        stage.setdefault("startTime", self.draft.time)
        if self.seen.progress:
            self.draft.hear(stage, self.seen.progress)
        limit = self._settings(stage).stall_timeout_seconds or 0
        silent = self.draft.since(stage.get("progressTime"))
        if silent <= limit:
            self.draft.look_again_in(limit - silent + 1)
            return
        told = f"{stage['name']}: nothing was heard of its workers for {int(silent)} s"
        self._hear_failure(stage, Problem(Reason.NO_PROGRESS, told))

    def _holdup(self, stage: Stage, job: Job) -> Problem | None:
        """What holds up a Job of which no worker runs. Without news what was known still holds."""
        problem = failures.while_waiting(job, self.seen.pods, self.seen.workload, self.seen.warnings)
        mine = [p for p in self.seen.pods if (p.stage, p.attempt) == (job.stage, job.attempt)]
        return problem or (self._known_holdup() if not mine and stage["state"] != "Running" else None)

    def _known_holdup(self) -> Problem | None:
        ready = self.draft.said("Ready")
        return failures.recalled(ready["reason"], ready["message"]) if ready else None

    def _check_patience(self, stage: Stage) -> None:
        """How long a stage may wait to run at all."""
        limit = self._settings(stage).pending_deadline_seconds
        if limit is None or self.end:
            return
        waited = self.draft.since(stage.get("progressTime"))
        if waited <= limit:
            self.draft.look_again_in(limit - waited + 1)
            return
        why = f": {self.problem.message}" if self.problem else ""
        self._fail(Problem(Reason.PENDING_DEADLINE_EXCEEDED, f"{stage['name']} waited {int(waited)} s to run{why}"))

    # --- what must not go on -----------------------------------------------------------------------------------------

    def _count_suspension(self) -> None:
        """A suspension that is over costs nothing of activeDeadlineSeconds."""
        was = self.draft.said("Suspended")
        if was.get("status") == "True" and not self.spec.suspend:
            seconds = int(self.draft.since(was["lastTransitionTime"]))
            self.draft.status["suspendedSeconds"] = self.draft.status.get("suspendedSeconds", 0) + seconds
        if self.draft.said("Ready").get("reason") == Reason.SUSPENDED and not self.spec.suspend:
            self.draft.tell(Reason.RESUMED, "It goes on where it stopped")

    def _check_deadline(self) -> None:
        limit = self.spec.active_deadline_seconds
        if limit is None or self.spec.suspend or self.end:
            return
        active = self.draft.since(self.draft.status["startTime"]) - self.draft.status.get("suspendedSeconds", 0)
        if active <= limit:
            self.draft.look_again_in(limit - active + 1)
        else:
            self._fail(Problem(Reason.DEADLINE_EXCEEDED, f"The run was active for {int(active)} s, {limit} s allowed"))

    def _suspend(self) -> None:
        """Stop: the Job goes, what is committed stays. Suspended only when nothing is left."""
        stage = self.draft.current
        assert stage is not None, "a run whose stages are all done has ended"
        self.problem = None
        if "job" in stage and self._job(stage) is None and self.seen.live:
            self.draft.let_go(stage, "Suspended")
        self.draft.move(stage, "Suspended")
        self.settled = self.seen.live and not self._still_there()
        if not self.settled:
            self.draft.look_again_in(LOOK_SOON)
        elif self.draft.said("Suspended").get("status") != "True":
            self.draft.tell(Reason.SUSPENDED, "Nothing of the run is left on the cluster; what is committed is kept")

    def _still_there(self) -> bool:
        jobs = any(j.ours and not j.finished for j in self.seen.jobs)
        return jobs or any(p.phase in ("Pending", "Running") for p in self.seen.pods)

    # --- what comes next ---------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        stage = self.draft.current
        assert stage is not None, "a run whose stages are all done has ended"
        if stage["state"] == "Suspended":
            self._resume(stage)
        if stage["state"] == "Waiting" and "job" not in stage:
            self._plan(stage)
        if stage["state"] == "Waiting" and "job" in stage:
            self._make(stage)

    def _resume(self, stage: Stage) -> None:
        """With a new attempt; if its Job was not even deleted yet, with that one."""
        job = self._job(stage)
        if "job" not in stage:
            self.draft.move(stage, "Waiting")
        elif job and not job.finished and not job.deleting:
            self.draft.move(stage, "Queued")
            self._watch(stage, job)
        elif job and job.finished:
            self.draft.let_go(stage, "Waiting")
        else:
            self.draft.look_again_in(LOOK_SOON)

    def _plan(self, stage: Stage) -> None:
        """Record the next attempt, when its pause is over and nothing of the one before is left."""
        pause = self._pause(stage)
        left_over = stage["attempt"] > 0 and self.draft.since(stage.get("progressTime")) < LEAVING_SECONDS
        if pause > 0:
            self.draft.look_again_in(pause)
        elif not self.seen.live or _live(self.seen) or (left_over and self._still_there()):
            self.draft.look_again_in(LOOK_SOON)
        else:
            self.draft.plan(stage)

    def _pause(self, stage: Stage) -> float:
        """Seconds that are left until another attempt may begin."""
        times = stage["failures"] + stage.get("disruptions", 0)
        if not times:
            return 0.0
        whole = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(times - 1, 10))
        return whole - self.draft.since(stage["lastFailure"]["time"])

    def _make(self, stage: Stage) -> None:
        """Make the Job of the recorded attempt, which may be there already."""
        same_name = next((j for j in self.seen.jobs if j.name == stage["job"]), None)
        if same_name and same_name.ours:
            return
        self.draft.look_again_in(LOOK_AGAIN)
        if same_name:
            told = f"{stage['name']}: a Job {stage['job']} that is not this run's is in the way"
            self.problem = Problem(Reason.NAME_CONFLICT, told)
        elif self.seen.refused:
            self.problem = failures.of_refusal(stage["name"], *self.seen.refused)
        else:
            self.problem = self._known_holdup()
            self.create = (self.draft.attempt(stage),)
        if self.problem and self.problem.permanent:
            self._fail(self.problem)
        self._check_patience(stage)

    # --- small things ------------------------------------------------------------------------------------------------

    def _job(self, stage: Stage) -> Job | None:
        """The Job of the recorded attempt, if it is seen and ours."""
        return next((j for j in self.seen.jobs if j.ours and j.name == stage.get("job")), None)

    def _settings(self, stage: Stage) -> Settings:
        return settings_for(self.spec, stage["name"])

    def _tell_problem(self) -> None:
        """A problem is told once, when it shows; the end has told itself."""
        if self.problem and not self.end and self.draft.said("Ready").get("reason") != self.problem.reason:
            self.draft.tell(
                self.problem.reason, self.problem.text(), warning=self.problem.reason != Reason.QUOTA_PENDING
            )

    def _facts(self) -> Facts:
        return Facts(
            end=self.end,  # pyright: ignore[reportArgumentType]
            problem=self.problem,
            suspend=self.spec.suspend and not self.end,
            settled=self.settled,
            queued=self.spec.queue_name is not None,
            quota=self.quota,  # pyright: ignore[reportArgumentType]
            progress=self.seen.progress,
        )
