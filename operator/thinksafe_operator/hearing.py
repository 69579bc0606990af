"""What happened to the recorded attempt since the last pass: its outcome, an end without one, how it goes. Pure."""

from thinksafe_operator import conditions, failures, outcomes
from thinksafe_operator.draft import Stage, count
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Job
from thinksafe_operator.turn import Turn

LOOK_SOON, LOOK_AGAIN = 5.0, 15.0  # seconds


def hear(turn: Turn) -> None:
    """Record how the attempt ended, before anything may make its Job go away."""
    stage = turn.draft.current
    if stage is None or "job" not in stage:
        return
    job = turn.job(stage)
    if job is None:
        _hear_nothing(turn, stage)
    elif job.finished == "Complete":
        _hear_success(turn, stage, job)
    elif job.finished == "Failed" and stage["state"] != "Suspended":  # one that we stopped may well fail of it
        turn.attempt_failed(stage, failures.of_job(job, turn.seen.pods))
    elif job.deleting:
        turn.draft.look_again_in(LOOK_SOON)
    elif not turn.spec.suspend and not job.finished:
        watch(turn, stage, job)


def watch(turn: Turn, stage: Stage, job: Job) -> None:
    """A Job that goes on: it runs, or something holds it up."""
    if turn.spec.queue_name and not job.suspended:
        turn.facts.quota = "reserved"
    failed = failures.latest(job, turn.seen.pods)
    if evicted := failures.evicted_too_often(job, turn.seen.pods, turn.settings(stage).pod_retries or 0):
        turn.attempt_failed(stage, evicted)
        return
    if failed and conditions.cut(failed.message, 600) != stage.get("lastFailure", {}).get("message"):
        turn.draft.record_failure(stage, failed)
    if not job.suspended and failures.a_worker_runs(job, turn.seen.pods):
        _watch_running(turn, stage)
    else:
        _watch_waiting(turn, stage, job)


def _hear_nothing(turn: Turn, stage: Stage) -> None:
    """Its Job is not seen: gone, if it was there before and this is certain."""
    if not turn.seen.live:
        turn.draft.look_again_in(LOOK_SOON)
    elif stage["state"] == "Suspended":
        turn.draft.let_go(stage, "Suspended")
    elif stage["state"] in ("Queued", "Running"):
        turn.attempt_failed(stage, Problem(Reason.JOB_DELETED, f"{stage['name']}: Job {stage['job']} is gone"))


def _hear_success(turn: Turn, stage: Stage, job: Job) -> None:
    """Its outcome, with what prepare and report have to tell for the run to go on."""
    words = outcomes.last_words(job, turn.seen.pods)
    readers = {"prepare": outcomes.of_prepare, "report": outcomes.of_report}
    told = readers[stage["name"]](words) if stage["name"] in readers else None
    if stage["name"] in readers and told is None:
        if turn.seen.live:
            lost = f"{stage['name']}: Job {job.name} is complete, but what it has to tell cannot be read"
            turn.attempt_failed(stage, Problem(Reason.NO_RESULT, lost))
        else:
            turn.draft.look_again_in(LOOK_SOON)
        return
    _succeed(turn, stage, outcomes.of_stage(stage["name"], words))
    if isinstance(told, outcomes.Prepared):
        _skip_what_is_held(turn, told)
    elif isinstance(told, outcomes.Verdict):
        _conclude(turn, told)


def _succeed(turn: Turn, stage: Stage, outcome: outcomes.Outcome) -> None:
    turn.draft.finish(stage, "Succeeded", outcome.artifacts)
    for name, value in (("rows", outcome.rows), ("tokens", outcome.tokens), ("gpuSeconds", outcome.gpu_seconds)):
        count(stage, name, value)
    count(turn.draft.status, "kept", outcome.kept)
    count(turn.draft.status, "judged", outcome.judged)
    turn.draft.tell(Reason.STAGE_SUCCEEDED, f"{stage['name']}: done in attempt {stage['attempt']}")


def _skip_what_is_held(turn: Turn, told: outcomes.Prepared) -> None:
    """The store has all that these stages make. The report is made anew: it is what publishes."""
    skipped = [s for s in turn.draft.stages if s["name"] in told.held and s["name"] not in ("prepare", "report")]
    for stage in turn.draft.stages:
        if stage["name"].partition("-")[0] in ("generate", "filter"):
            stage["totalChunks"] = told.chunks
    for stage in skipped:
        turn.draft.finish(stage, "Cached", outcomes.only_of(stage["name"], told.artifacts))
    if skipped:
        names = ", ".join(s["name"] for s in skipped)
        turn.draft.tell(Reason.STAGE_CACHED, f"{names}: the store has all of it already, no Job is needed")


def _conclude(turn: Turn, verdict: outcomes.Verdict) -> None:
    """The report is made: the run is at its end, with the gate passed or not."""
    status, facts = turn.draft.status, turn.facts
    status |= {"results": verdict.results, "report": verdict.report}
    if verdict.passed:
        facts.end, status["adapter"] = "Succeeded", verdict.adapter
        turn.draft.tell(Reason.GATE_PASSED, f"Every rule of the gate is met; the adapter is at {verdict.adapter}")
    else:
        why = "; ".join(verdict.failed) or "a rule is not met"
        facts.end, facts.problem = "GateFailed", Problem(Reason.GATE_FAILED, f"The gate is not passed: {why}")
        turn.draft.tell(Reason.GATE_FAILED, facts.problem.text(), warning=True)
    turn.draft.tell(Reason.COMPLETED, f"The run is complete; its report is at {verdict.report}")


def _watch_running(turn: Turn, stage: Stage) -> None:
    turn.draft.move(stage, "Running")
    stage.setdefault("startTime", turn.draft.time)
    if turn.seen.progress:
        turn.draft.hear(stage, turn.seen.progress)
        if turn.seen.progress.trouble == "StoreUnavailable":  # they go on asking for minutes
            told = f"{stage['name']}: its workers are waiting for the store, which does not answer them"
            turn.facts.problem = Problem(Reason.STORAGE_UNAVAILABLE, told)
    limit = turn.settings(stage).stall_timeout_seconds or 0
    silent = turn.draft.since(stage.get("progressTime"))
    if silent <= limit:
        turn.draft.look_again_in(limit - silent + 1)
        return
    told = f"{stage['name']}: nothing was heard of its workers for {int(silent)} s, {limit} s are allowed"
    turn.attempt_failed(stage, Problem(Reason.NO_PROGRESS, told))


def _watch_waiting(turn: Turn, stage: Stage, job: Job) -> None:
    """No worker runs. Between two pods it is still running, unless something is known to hold it up."""
    problem = failures.while_waiting(job, turn.seen.pods, turn.seen.workload, turn.seen.warnings)
    if problem is None and stage["state"] == "Queued" and not failures.pods_of(job, turn.seen.pods):
        problem = turn.known_holdup(stage)  # nothing new is known, so what was known of it holds
    if problem or stage["state"] != "Running":
        turn.draft.move(stage, "Queued")
    # Kubernetes takes its time to start a worker again: what ended the last one is told meanwhile.
    turn.facts.problem = problem or failures.latest(job, turn.seen.pods)
    if job.suspended:
        turn.facts.quota = problem
    elif (waited := turn.draft.since(stage.get("progressTime"))) < LOOK_AGAIN:
        # All that holds it up is watched, but of the first seconds nothing is made (observe.PATIENCE_SECONDS).
        turn.draft.look_again_in(LOOK_AGAIN - waited)
    turn.check_patience(stage)
