"""The experiment as a whole, told from its variants: phase, conditions, message. Derived anew at every pass. Pure."""

from collections.abc import Iterable

from thinksafe.experiment_status import VARIANT_ENDS
from thinksafe_operator import conditions
from thinksafe_operator.conditions import Condition
from thinksafe_operator.experiments import comparing
from thinksafe_operator.experiments.course import Course
from thinksafe_operator.experiments.state import Experiment
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason, group


def closed(course: Course) -> dict:
    """The whole status, ready to be made to fit and written."""
    status, end = course.status, _end(course)
    phase = end or _phase(course)
    reason, message = _why(course, end)
    ended = sum(v["phase"] in VARIANT_ENDS for v in course.entries)
    status |= {
        "phase": phase,
        "observedGeneration": course.experiment.generation,
        "done": f"{ended}/{len(course.entries)}",
        "baseline": course.spec.compared_with,
        "message": conditions.cut(message),
    }
    if end:
        status["completionTime"] = course.time
        told = Reason.COMPLETED if end == "Succeeded" else Reason.FAILED
        course.tell(told, message, warning=end == "Failed")
    wanted = _conditions(course, end, reason, message)
    old = course.experiment.status.get("conditions", ())
    status["conditions"] = conditions.merged(old, wanted, generation=course.experiment.generation, time=course.time)
    return status


def impossible(experiment: Experiment, problem: Problem, time: str) -> dict:
    """The status of an experiment whose spec the operator cannot read."""
    wanted = [
        Condition("Ready", False, problem.reason, problem.text()),
        Condition("Reconciling", False, problem.reason, problem.text()),
        Condition("Stalled", True, problem.reason, problem.text()),
        Condition("Suspended", False, Reason.NOT_SUSPENDED),
        Condition("Reported", False, problem.reason),
        Condition("Complete", False, problem.reason),
        Condition("Failed", True, problem.reason, problem.text()),
    ]
    old = experiment.status.get("conditions", ())
    return {
        "startTime": time,
        **experiment.status,
        "phase": "Failed",
        "observedGeneration": experiment.generation,
        "completionTime": time,
        "message": problem.text(),
        "conditions": conditions.merged(old, wanted, generation=experiment.generation, time=time),
    }


def _end(course: Course) -> str | None:
    """A closed gate is a result like another; a variant that failed is not, and a report that was not made neither."""
    if not comparing.is_over(course) or course.spec.suspend:
        return None
    failed = any(v["phase"] == "Failed" for v in course.entries)
    return "Failed" if failed or "report" not in course.status else "Succeeded"


def _phase(course: Course) -> str:
    if course.settled:
        return "Suspended"
    begun = any("run" in v or v["phase"] in VARIANT_ENDS for v in course.entries)
    return "Running" if begun else "Pending"


def _why(course: Course, end: str | None) -> tuple[Reason, str]:
    """The reason and the sentence that the column, Ready and the rest share."""
    report = course.status.get("report")
    if end == "Succeeded":
        return Reason.COMPLETE, f"{_counted(course)}; the combined report is at {report}"
    if end == "Failed":
        return _why_failed(course)
    if course.problem is not None:
        return course.problem.reason, course.problem.text()
    if course.spec.suspend:
        stopping = "It is suspended; set spec.suspend to false to go on" if course.settled else "It is being suspended"
        return Reason.SUSPENDED, stopping
    told = course.status.get("comparison")
    if told is not None and told["state"] in ("Waiting", "Running") and not course.going():
        return _how_the_comparison_goes(told)
    going = ", ".join(v["name"] for v in course.going())
    return Reason.RUNNING, f"{_counted(course)}" + (f"; under way: {going}" if going else "")


def _why_failed(course: Course) -> tuple[Reason, str]:
    failed = [v for v in course.entries if v["phase"] == "Failed"]
    report = course.status.get("report")
    if not failed:
        last = course.status["comparison"].get("lastFailure", {})
        return Reason.COMPARISON_FAILED, f"The combined report could not be made. {last.get('message', '')}"
    first = failed[0]
    there = f". The combined report is at {report}" if report else ""
    named = ", ".join(v["name"] for v in failed)
    return Reason.VARIANT_FAILED, f"Failed: {named}. {first['name']}: {first.get('message', '')}{there}"


def _how_the_comparison_goes(told: dict) -> tuple[Reason, str]:
    last = told.get("lastFailure")
    what = f"a round before {told['before']} is judged" if "before" in told else "the combined report is made"
    if last and "job" not in told:
        return Reason.RETRYING, f"{what[0].upper()}{what[1:]} again soon. Before: {last['message']}"
    return Reason.COMPARING, f"{what[0].upper()}{what[1:]}: Job {told.get('job', '')}".rstrip(": ")


def _counted(course: Course) -> str:
    ended = sum(v["phase"] in VARIANT_ENDS for v in course.entries)
    return f"{ended} of {len(course.entries)} variants have ended"


def _conditions(course: Course, end: str | None, reason: Reason, message: str) -> Iterable[Condition]:
    """Every condition there is, in the order of thinksafe.experiment_status.EXPERIMENT_CONDITIONS."""
    waits = end is None and course.problem is not None and group(course.problem.reason) == "human"
    stalled = end == "Failed" or waits
    at_work = end is None and not stalled and not course.settled
    yield Condition("Ready", end == "Succeeded", reason, message)
    yield Condition("Reconciling", at_work, reason, message)
    yield Condition("Stalled", stalled, reason, message if stalled else "")
    yield _suspended(course)
    yield _reported(course, end)
    yield Condition("Complete", end == "Succeeded", reason)
    yield Condition("Failed", end == "Failed", reason, message if end == "Failed" else "")


def _suspended(course: Course) -> Condition:
    if course.settled:
        return Condition("Suspended", True, Reason.SUSPENDED, "Nothing of the experiment goes on")
    was = course.said("Suspended")
    resumed = was.get("status") == "True" or was.get("reason") == Reason.RESUMED
    return Condition("Suspended", False, Reason.RESUMED if resumed else Reason.NOT_SUSPENDED)


def _reported(course: Course, end: str | None) -> Condition:
    told = course.status.get("comparison") or {}
    if "report" in course.status:
        return Condition("Reported", True, Reason.REPORTED, f"The combined report is at {course.status['report']}")
    if "before" not in told and told.get("state") == "Failed":
        last = told.get("lastFailure", {})
        return Condition("Reported", False, Reason.COMPARISON_FAILED, last.get("message", ""))
    if end:
        return Condition(
            "Reported", False, Reason.VARIANT_FAILED, "No variant was measured: there is nothing to compare"
        )
    return Condition("Reported", None, Reason.NOT_STARTED)
