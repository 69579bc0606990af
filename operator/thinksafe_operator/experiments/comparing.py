"""The comparisons of an experiment's runs: before a further round, and at the end; one Job at a time. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from thinksafe.placement import settings_for
from thinksafe_operator import conditions, failures, outcomes
from thinksafe_operator.experiments.course import MEASURED, Course, Entry
from thinksafe_operator.experiments.state import Comparison
from thinksafe_operator.failures import Problem
from thinksafe_operator.hearing import LOOK_AGAIN, LOOK_SOON
from thinksafe_operator.names import comparison_name
from thinksafe_operator.patience import pause
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Job

ATTEMPTS = 4
STAGE = "compare"
LIKE = "report"  # the stage whose settings hold for it
_DONE = ("Succeeded", "Failed")


def hear(course: Course) -> None:
    """Record how the attempt stands that is recorded, or how it ended."""
    told = course.status.get("comparison")
    if told is None or told["state"] in _DONE or "job" not in told:
        return
    job = course.seen.job
    job = job if job is not None and job.ours and job.name == told["job"] else None
    if course.seen.job_refused:
        _hear_refusal(course, told)
    elif course.spec.suspend and (job is None or job.finished == "Failed"):
        return  # we stopped it, and it may well have failed of that
    elif job is None:
        _hear_nothing(course, told)
    elif job.finished == "Complete":
        _hear_words(course, told)
    elif job.finished == "Failed":
        _hear_failure(course, told, job)
    elif not job.deleting and not course.spec.suspend:
        _watch(course, told, job)


def _hear_refusal(course: Course, told: dict) -> None:
    assert course.seen.job_refused is not None
    problem = failures.of_refusal(STAGE, *course.seen.job_refused)
    if problem.permanent:
        _failed(course, told, problem, last=True)
    else:
        _wait(course, told, problem)


def _hear_nothing(course: Course, told: dict) -> None:
    """Its Job is not there: gone, not made yet, or something else has its name."""
    other = course.seen.job
    if told["state"] == "Running":
        _failed(course, told, Problem(Reason.JOB_DELETED, f"compare: Job {told['job']} is gone"))
    elif other is not None and other.name == told["job"]:
        what = f"compare: a Job {told['job']} that is not this experiment's is in the way"
        _wait(course, told, Problem(Reason.NAME_CONFLICT, what))
    elif refused := _known_refusal(course, told):
        _wait(course, told, refused)


def _known_refusal(course: Course, told: dict) -> Problem | None:
    """Why the Job of this very attempt was not made. It is tried again in this pass, and till then that holds."""
    before, ready = course.experiment.status.get("comparison") or {}, course.said("Ready")
    if before.get("job") != told["job"] or not ready.get("message", "").startswith(f"{STAGE}: its Job cannot be made"):
        return None
    return failures.recalled(ready["reason"], ready["message"])


def _hear_failure(course: Course, told: dict, job: Job) -> None:
    if job.reason == "DeadlineExceeded" and told["state"] == "Waiting":
        # The Job's time counts while no worker runs, too (objects.DEADLINE). It waits on with another one.
        _begin_attempt(course, told)
        _wait(course, told, None)
    else:
        _failed(course, told, failures.of_job(job, course.seen.pods))


def _watch(course: Course, told: dict, job: Job) -> None:
    """A Job that goes on. Between two pods it is still running, unless something is known to hold it up."""
    seen = course.seen
    course.look_again_in(LOOK_AGAIN)
    if not job.suspended and failures.a_worker_runs(job, seen.pods):
        _move(course, told, "Running")
        return
    problem = failures.while_waiting(job, seen.pods, seen.workload, seen.warnings)
    if problem or told["state"] != "Running":
        _move(course, told, "Waiting")
        _wait(course, told, problem)


def _wait(course: Course, told: dict, problem: Problem | None) -> None:
    """No worker runs: say why, as long as it may wait."""
    course.look_again_in(LOOK_AGAIN)
    limit, waited = settings_for(course.spec.run, LIKE).pending_deadline_seconds, course.since(told["time"])
    if limit is None or waited <= limit:
        course.problem = course.problem or problem
        return
    hint = "Free what it waited for, or raise pendingDeadlineSeconds of the stage report, and apply a new experiment"
    _failed(course, told, replace(failures.waited_too_long(STAGE, waited, limit, problem), hint=hint))


def _hear_words(course: Course, told: dict) -> None:
    job, before = course.seen.job, told.get("before")
    assert job is not None
    words = next(iter(outcomes.last_words(job, course.seen.pods)), {})
    if before is None:
        report = words.get("report")
        if not isinstance(report, str) or not 0 < len(report) <= 1024:
            _failed(course, told, _unread(told))
            return
        course.status["report"] = report
        course.tell(Reason.REPORTED, f"The combined report is at {report}")
    else:
        answer = _round(words, _source(course, before))
        if answer is None:
            _failed(course, told, _unread(told))
            return
        if entry := _asked_for(course, told):
            _let_begin_or_not(course, entry, *answer)
    _move(course, told, "Succeeded")


def _unread(told: dict) -> Problem:
    return Problem(Reason.NO_RESULT, f"compare: Job {told['job']} is complete, but what it has to tell cannot be read")


def _round(words: Mapping[str, Any], source: str) -> tuple[bool, str] | None:
    """Whether a round after this variant is worth it, and why; None if the words do not say so. Never a guess."""
    rounds = words.get("rounds")
    told = rounds.get(source) if isinstance(rounds, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(told.get("go"), bool):
        return None
    why = told.get("why")
    return told["go"], why if isinstance(why, str) else ""


def _asked_for(course: Course, told: dict) -> Entry | None:
    """The variant that waits for the answer; None if there is none, or it was left out meanwhile (FailFast)."""
    entry = course.entry(told["before"]) if "before" in told else {}
    return None if not entry or "completionTime" in entry else entry


def _let_begin_or_not(course: Course, entry: Entry, go: bool, why: str) -> None:
    entry["anotherRound"] = go
    if go:
        course.tell(Reason.REPORTED, f"{entry['name']}: another round is worth it. {why}")
    else:
        course.end(entry, "Skipped", Reason.ROUND_STOPPED, why or "The stop rule ended the rounds")


def _failed(course: Course, told: dict, problem: Problem, *, last: bool = False) -> None:
    told["failures"] = told.get("failures", 0) + 1
    told["lastFailure"] = {
        "reason": str(problem.reason),
        "message": conditions.cut(problem.message, 600),
        "hint": conditions.cut(problem.to_do, 300),
        "time": course.time,
    }
    if last or problem.permanent or told["failures"] >= ATTEMPTS:
        _move(course, told, "Failed")
        course.tell(Reason.COMPARISON_FAILED, problem.text(), warning=True)
        if entry := _asked_for(course, told):
            why = f"Whether it is worth it could not be found out: {problem.message}"
            course.end(entry, "Failed", Reason.COMPARISON_FAILED, why)
    else:
        told.pop("job", None)
        _move(course, told, "Waiting")
        course.tell(Reason.RETRYING, f"Attempt {told['attempt']}: {problem.text()}", warning=True)


# --- what comes next -----------------------------------------------------------------------------------------------


def go_on(course: Course) -> None:
    """Begin the comparison that is due, if none goes on, and make the Job of the one that is recorded."""
    told = course.status.get("comparison")
    if told is None or told["state"] in _DONE:
        if _take_away(course):
            return  # that of one that waited too long; its name is known only from what is recorded of it
        told = _due(course)
        if told is None:
            return
        course.status["comparison"] = told
    if "job" not in told and not _plan(course, told):
        return
    job = course.seen.job
    if told["state"] != "Waiting" or (job is not None and job.name == told["job"]):
        return
    course.look_again_in(LOOK_AGAIN)
    if not course.seen.job_refused:
        course.compare = Comparison(told["job"], told["attempt"], _runs(course))


def _due(course: Course) -> dict | None:
    """The comparison to begin now: before the first variant that waits for one, or at the end."""
    for variant in course.spec.variants:
        entry = course.entry(variant.name)
        if course.spec.stop is None or variant.generator_from is None or "completionTime" in entry or "run" in entry:
            continue
        if course.entry(variant.generator_from)["phase"] in MEASURED and "anotherRound" not in entry:
            return {"before": variant.name, "attempt": 0, "failures": 0, "state": "Waiting", "time": course.time}
    if not course.all_over() or is_over(course):
        return None
    return {"attempt": 0, "failures": 0, "state": "Waiting", "time": course.time}


def is_over(course: Course) -> bool:
    """Whether nothing is left to do: all variants have ended, and the report is made, or will not be."""
    if not course.all_over():
        return False
    told = course.status.get("comparison")
    if told is not None and "before" not in told:
        return told["state"] in _DONE
    nothing = not any(v["phase"] in MEASURED for v in course.entries)
    return nothing and (told is None or told["state"] in _DONE)


def _plan(course: Course, told: dict) -> bool:
    """Record the next attempt, when its pause is over. From now on it waits."""
    left = pause(told["failures"]) - course.since((told.get("lastFailure") or {}).get("time"))
    if told["failures"] and left > 0:
        course.look_again_in(left)
        return False
    _begin_attempt(course, told)
    told["state"], told["time"] = "Waiting", course.time
    return True


def _begin_attempt(course: Course, told: dict) -> None:
    """Name the next Job, before it is made."""
    told["attempt"] += 1
    before = told.get("before")
    place = None if before is None else [v.name for v in course.spec.variants].index(before)
    told["job"] = comparison_name(course.experiment.name, course.experiment.uid, place, told["attempt"])
    course.tell(Reason.COMPARING, f"Attempt {told['attempt']}, Job {told['job']}")


def suspend(course: Course) -> bool:
    """Take the Job away; whether nothing of it is left. What it would have found out is found out later."""
    told, alive = course.status.get("comparison"), _take_away(course)
    if not alive and told is not None and told["state"] not in _DONE and "job" in told:
        told.pop("job")
        _move(course, told, "Waiting")
    return not alive


def _take_away(course: Course) -> bool:
    """Delete the Job if it goes on; whether it does."""
    job = course.seen.live_job
    if job is None:
        return False
    if not job.deleting:
        course.delete_job = job
    course.look_again_in(LOOK_SOON)
    return True


def _runs(course: Course) -> dict[str, dict[str, str]]:
    """What the worker is told of the variants that have ended."""
    found = {}
    for entry in course.entries:
        if "completionTime" not in entry:
            continue
        told = {
            "name": entry.get("run") or f"{course.experiment.name}-{entry['name']}",
            "uid": entry.get("runUid", ""),
        }
        why = {} if entry["phase"] in MEASURED else {"why": entry.get("message", "")}
        found[entry["name"]] = {**told, "namespace": course.experiment.namespace, "phase": entry["phase"], **why}
    return found


def _source(course: Course, variant: str) -> str:
    return next(str(v.generator_from) for v in course.spec.variants if v.name == variant)


def _move(course: Course, told: dict, state: str) -> None:
    if told["state"] != state:
        told["state"], told["time"] = state, course.time
