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
from thinksafe.spec import API_VERSION, KIND, RunSpec
from thinksafe_operator import conditions, failures
from thinksafe_operator.draft import Draft, Stage
from thinksafe_operator.ending import after_the_end
from thinksafe_operator.failures import Problem
from thinksafe_operator.hearing import LOOK_AGAIN, LOOK_SOON, hear, watch
from thinksafe_operator.patience import pause
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Decision, Run, Seen
from thinksafe_operator.status import Facts, closed
from thinksafe_operator.turn import Turn, live_jobs

LEAVING_SECONDS = 600.0  # how long the pods of one attempt may hold up the next: longer, and their node is lost


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
    return _go_through(Turn(run, spec, seen, now))


def _go_through(turn: Turn) -> Decision:
    """First what happened, then what must not go on, then what comes next."""
    _count_suspension(turn)
    hear(turn)
    if not turn.facts.end:
        _check_deadline(turn)
    if not turn.facts.end and turn.spec.suspend:
        _suspend(turn)
    elif not turn.facts.end:
        _go_on(turn)
    _tell_problem(turn)
    ended = turn.facts.end is not None
    wanted = None if ended or turn.spec.suspend else turn.stage.get("job")
    return Decision(
        closed(turn.draft, turn.facts),
        create=turn.create,
        delete=turn.live_jobs(but=wanted),
        events=tuple(turn.draft.events),
        requeue_after=LOOK_SOON if ended else turn.draft.wake,
    )


# --- before and after ----------------------------------------------------------------------------------------------


def _spec(run: Run) -> RunSpec:
    """The spec, checked by its fields alone. What needs data to be checked prepare finds, and ends with 65 or 78."""
    metadata = {"name": run.name, "namespace": run.namespace}
    document = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": run.spec}
    return manifest.parse(document, where="The manifest").spec


def _never_possible(run: Run, seen: Seen, now: float, error: ThinkSafeError) -> Decision:
    draft, problem = Draft(run, now), Problem(Reason.INVALID_SPEC, conditions.cut(error.line(), 800))
    if stage := draft.current:
        draft.finish(stage, "Failed", {})
    draft.tell(Reason.FAILED, problem.text(), warning=True)
    status = closed(draft, Facts(end="Failed", problem=problem, queued=bool(run.spec.get("queueName"))))
    return Decision(status, delete=live_jobs(seen), events=tuple(draft.events), requeue_after=LOOK_SOON)


def _after_the_end(run: Run, seen: Seen, now: float) -> Decision:
    """The outcome is for good. Only what was left behind is cleared away, and the run itself when its time is over."""
    end = after_the_end(run.status, run.generation, run.spec, now)
    return Decision(end.status, delete=live_jobs(seen), delete_run=end.over, requeue_after=end.wake)


# --- what must not go on -------------------------------------------------------------------------------------------


def _count_suspension(turn: Turn) -> None:
    """A suspension that is over costs nothing of activeDeadlineSeconds."""
    if turn.spec.suspend or turn.draft.said("Ready").get("reason") != Reason.SUSPENDED:
        return
    was = turn.draft.said("Suspended")
    if was.get("status") == "True":
        seconds = int(turn.draft.since(was["lastTransitionTime"]))
        turn.draft.status["suspendedSeconds"] = turn.draft.status.get("suspendedSeconds", 0) + seconds
    turn.draft.tell(Reason.RESUMED, "It goes on where it stopped")


def _check_deadline(turn: Turn) -> None:
    limit, status = turn.spec.active_deadline_seconds, turn.draft.status
    if limit is None or turn.spec.suspend:
        return
    active = turn.draft.since(status["startTime"]) - status.get("suspendedSeconds", 0)
    if active <= limit:
        turn.draft.look_again_in(limit - active + 1)
    else:
        told = f"The run was active for {int(active)} s, {limit} s are allowed"
        turn.fail(Problem(Reason.DEADLINE_EXCEEDED, told))


def _suspend(turn: Turn) -> None:
    """Stop: the Job goes, what is committed stays. It is suspended only when nothing is left."""
    stage = turn.stage
    if "job" in stage and turn.job(stage) is None and turn.seen.live:
        turn.draft.let_go(stage, "Suspended")
    turn.draft.move(stage, "Suspended")
    settled = turn.seen.live and not turn.still_there()
    turn.facts.suspend, turn.facts.settled, turn.facts.problem = True, settled, None
    if not settled:
        turn.draft.look_again_in(LOOK_SOON)
    elif turn.draft.said("Suspended").get("status") != "True":
        turn.draft.tell(Reason.SUSPENDED, "Nothing of the run is left on the cluster; what is committed is kept")


# --- what comes next -----------------------------------------------------------------------------------------------


def _go_on(turn: Turn) -> None:
    stage = turn.stage
    if stage["state"] == "Suspended":
        _resume(turn, stage)
    if stage["state"] == "Waiting" and "job" not in stage:
        _plan(turn, stage)
    if stage["state"] == "Waiting" and "job" in stage:
        _make(turn, stage)


def _resume(turn: Turn, stage: Stage) -> None:
    """With a new attempt; or, if its Job was not even deleted yet, with that one."""
    job = turn.job(stage)
    if "job" not in stage:
        turn.draft.move(stage, "Waiting")
    elif job and job.finished:
        turn.draft.let_go(stage, "Waiting")
    elif job and not job.deleting:
        turn.draft.move(stage, "Queued")
        watch(turn, stage, job)
    else:
        turn.draft.look_again_in(LOOK_SOON)


def _plan(turn: Turn, stage: Stage) -> None:
    """Record the next attempt, when its pause is over and nothing of the one before is left."""
    left = _pause(turn, stage)
    leaving = stage["attempt"] > 0 and turn.draft.since(stage.get("progressTime")) < LEAVING_SECONDS
    if left > 0:
        turn.draft.look_again_in(left)
    elif not turn.seen.live or turn.live_jobs() or (leaving and turn.still_there()):
        turn.draft.look_again_in(LOOK_SOON)
    else:
        turn.draft.plan(stage)
        _take_up(turn, stage)


def _take_up(turn: Turn, stage: Stage) -> None:
    """Hear at once the Job of an attempt that is only now recorded, if it is over: the status is old, or was lost."""
    if turn.job(stage) is None:
        return
    hear(turn)
    if not turn.facts.end:
        _go_on(turn)


def _pause(turn: Turn, stage: Stage) -> float:
    """Seconds that are left until another attempt may begin."""
    times, last = stage["failures"] + stage.get("disruptions", 0), stage.get("lastFailure", {}).get("time")
    if not times or not last:
        return 0.0
    return pause(times) - turn.draft.since(last)


def _make(turn: Turn, stage: Stage) -> None:
    """Make the Job of the recorded attempt, which may be there already."""
    same_name = next((j for j in turn.seen.jobs if j.name == stage["job"]), None)
    if same_name and same_name.ours:
        return
    turn.draft.look_again_in(LOOK_AGAIN)
    facts = turn.facts
    if same_name:
        told = f"{stage['name']}: a Job {stage['job']} that is not this run's is in the way"
        facts.problem = Problem(Reason.NAME_CONFLICT, told)
    elif turn.seen.refused:
        facts.problem = failures.of_refusal(stage["name"], *turn.seen.refused)
    else:
        facts.problem = turn.known_holdup(stage)
        turn.create = (turn.draft.attempt(stage),)
    if facts.problem and facts.problem.permanent:
        turn.fail(facts.problem)
    turn.check_patience(stage)


def _tell_problem(turn: Turn) -> None:
    """A problem is told once, when it shows. The end has told itself."""
    problem = turn.facts.problem
    if problem and not turn.facts.end and turn.draft.said("Ready").get("reason") != problem.reason:
        turn.draft.tell(problem.reason, problem.text(), warning=problem.reason != Reason.QUOTA_PENDING)
