"""The variants of an experiment: how their runs stand, which may begin, and which are left out. Pure."""

from thinksafe.errors import ThinkSafeError
from thinksafe.experiment_status import MAX_WORDS
from thinksafe.spec.experiment import Variant
from thinksafe.variants import run_manifest, run_name
from thinksafe_operator import conditions, reasons
from thinksafe_operator.experiments.course import MEASURED, Course, Entry
from thinksafe_operator.experiments.state import Child, Start
from thinksafe_operator.failures import Problem
from thinksafe_operator.hearing import LOOK_AGAIN
from thinksafe_operator.reasons import Reason

_RUN_ENDS = ("Succeeded", "GateFailed", "Failed")


def hear(course: Course) -> None:
    """Record what happened: how every run stands, which has ended, which could not be made."""
    for entry in [*course.going(), *course.waiting()]:
        child = course.child(entry)
        if child is not None and child.ours:
            _hear_run(course, entry, child)
        elif "run" in entry:
            _hear_nothing(course, entry, child)
    for variant, (status, message) in course.seen.refused.items():
        if "completionTime" not in (entry := course.entry(variant)):
            _hear_refusal(course, entry, status, message)


def _hear_run(course: Course, entry: Entry, child: Child) -> None:
    told = {"stage": child.stage, "progress": child.progress, "adapter": child.adapter}
    entry |= {"run": child.name, "runUid": child.uid, "phase": child.phase, "gate": child.gate}
    entry |= {"reason": child.reason, "message": conditions.cut(child.message, MAX_WORDS)}
    entry |= {k: v for k, v in told.items() if v}
    for field, value in told.items():
        if not value and field != "adapter":
            entry.pop(field, None)
    if child.phase in _RUN_ENDS:
        if child.results:
            entry["results"] = list(child.results)
        course.end(entry, child.phase, child.reason or child.phase, child.message)
    elif child.stalled and course.problem is None:
        course.problem = Problem(Reason(child.reason), f"{entry['name']}: {_told(child)}")


def _told(child: Child) -> str:
    """What its run says, less what to do about it: a problem says that itself."""
    return child.message.removesuffix(reasons.what_to_do(child.reason)).rstrip(". ")


def _hear_nothing(course: Course, entry: Entry, other: Child | None) -> None:
    """It has begun, and its run is not there: not yet, or not any more, or something else has its name."""
    for field in ("runUid", "stage", "progress"):
        entry.pop(field, None)
    entry["phase"] = "Pending"
    if other is not None:
        told = f"a ThinkSafeRun {other.name} that is not this experiment's is in the way"
        _hold_up(course, entry, Problem(Reason.NAME_CONFLICT, told))
    elif entry.get("reason") in (Reason.RUN_NOT_MADE, Reason.QUOTA_EXCEEDED):
        # It is tried again in this pass, and as long as nothing else is known what was known of it holds.
        _hold_up(course, entry, Problem(Reason(entry["reason"]), entry["message"]))
    else:
        entry |= {"reason": str(Reason.PENDING), "message": "Its run is about to be made"}


def _hear_refusal(course: Course, entry: Entry, status: int, message: str) -> None:
    """What cannot be made at all has failed; what only the operator or the namespace lacks is waited for."""
    said = conditions.cut(message, MAX_WORDS)
    if status in (400, 413, 422):
        _never_made(course, entry, Reason.INVALID_SPEC, said)
    elif status == 403 and "denied" in message:
        _never_made(course, entry, Reason.RUN_DENIED, said)
    elif status == 409:
        _hold_up(course, entry, Problem(Reason.NAME_CONFLICT, said))
    else:
        quota = "exceeded quota" in message
        _hold_up(course, entry, Problem(Reason.QUOTA_EXCEEDED if quota else Reason.RUN_NOT_MADE, said))


def _never_made(course: Course, entry: Entry, reason: Reason, message: str) -> None:
    entry.pop("run", None)
    course.end(entry, "Failed", reason, message)


def _hold_up(course: Course, entry: Entry, problem: Problem) -> None:
    entry |= {"reason": str(problem.reason), "message": conditions.cut(problem.message, MAX_WORDS)}
    course.problem = Problem(problem.reason, f"{entry['name']}: {problem.message}")
    course.look_again_in(2 * LOOK_AGAIN)


# --- what comes next -----------------------------------------------------------------------------------------------


def leave_out(course: Course) -> None:
    """End those that will have no run: their patch makes none, or what they wait for will not come."""
    for variant, entry in _not_begun(course):
        try:
            run_manifest(course.manifest, variant)
        except ThinkSafeError as error:
            course.end(entry, "Failed", Reason.INVALID_SPEC, error.line())
    for variant, entry in _not_begun(course):
        if why_not := _why_not(course, variant):
            course.end(entry, "Skipped", *why_not)


def _not_begun(course: Course) -> list[tuple[Variant, Entry]]:
    """The variants that have no run and no outcome, in the order of the list."""
    waiting = {entry["name"]: entry for entry in course.waiting()}
    return [(v, waiting[v.name]) for v in course.spec.variants if v.name in waiting]


def _why_not(course: Course, variant: Variant) -> tuple[Reason, str] | None:
    failed = next((v["name"] for v in course.entries if v["phase"] == "Failed"), None)
    if failed and course.spec.failure_policy == "FailFast":
        return Reason.FAIL_FAST, f"{failed} has failed, and failurePolicy is FailFast"
    if variant.generator_from is None:
        return None
    source = course.entry(variant.generator_from)
    if source["phase"] == "Skipped" and source.get("reason") == Reason.ROUND_STOPPED:
        return Reason.ROUND_STOPPED, f"The rounds ended before {source['name']}"
    if source["phase"] in ("Failed", "Skipped"):
        return Reason.NO_ADAPTER, f"{source['name']}, whose adapter was to write its data, has none"
    if source["phase"] in MEASURED and not source.get("adapter"):
        return Reason.NO_ADAPTER, f"The run of {source['name']} did not tell its adapter's digest"
    return None


def begin(course: Course) -> None:
    """Let as many begin as may go on at a time, in the order of the list."""
    free = course.spec.parallelism - len(course.going())
    for variant, entry in _not_begun(course):
        entry |= {"reason": str(Reason.NOT_STARTED), "message": "It waits for its turn"}
        if not _is_ready(course, variant, entry) or free <= 0:
            continue
        free -= 1
        entry |= {"run": run_name(course.experiment.name, variant.name), "phase": "Pending"}
        entry |= {"reason": str(Reason.PENDING), "message": "Its run is about to be made"}
        course.tell(Reason.VARIANT_STARTED, f"{variant.name}: ThinkSafeRun {entry['run']}")


def _is_ready(course: Course, variant: Variant, entry: Entry) -> bool:
    if variant.generator_from is None:
        return True
    source = course.entry(variant.generator_from)
    if source["phase"] not in MEASURED:
        entry["message"] = f"It waits for the adapter of {source['name']}"
        return False
    if course.spec.stop is not None and not entry.get("anotherRound"):
        entry["message"] = f"It waits to hear whether the stop rule lets it follow {source['name']}"
        return False
    return True


def keep_going(course: Course) -> None:
    """Make the runs that are not there, and resume those that are suspended."""
    sources = {v.name: v.generator_from for v in course.spec.variants}
    for entry in course.going():
        child = course.child(entry)
        if child is None:
            source = sources[entry["name"]]
            course.start.append(Start(entry["name"], course.entry(source)["adapter"] if source else None))
        elif not child.ours:
            _hear_nothing(course, entry, child)
        elif child.suspend and not child.deleting:
            course.suspend.append((child, False))


def suspend(course: Course) -> bool:
    """Suspend the runs that go on; whether all of them have come to rest."""
    mine = [c for entry in course.going() if (c := course.child(entry)) is not None and c.ours]
    course.suspend = [(c, True) for c in mine if not c.suspend and not c.deleting]
    return all(c.phase == "Suspended" and c.suspend for c in mine)
