"""What is to be done about an experiment, from what is recorded and what is seen: its story, top to bottom. Pure.

The status is the only memory, and it is written first (state.Decision):

- that a variant has begun is recorded before its run is made, and its run's name follows from its own: making it twice
  makes it once, and never are more begun than may go on at a time;
- how a variant ended is recorded once and kept, whatever becomes of its run;
- a run that was begun and is not there is made again: what it had committed is found in the store.
"""

from thinksafe import manifest
from thinksafe.errors import ThinkSafeError
from thinksafe.experiment_status import fit
from thinksafe.spec import API_VERSION
from thinksafe.spec.experiment import EXPERIMENT_KIND, ExperimentManifest
from thinksafe_operator import conditions
from thinksafe_operator.draft import rfc3339
from thinksafe_operator.ending import after_the_end
from thinksafe_operator.experiments import comparing, variants
from thinksafe_operator.experiments.course import Course
from thinksafe_operator.experiments.state import Decision, Experiment, Seen
from thinksafe_operator.experiments.status import closed, impossible
from thinksafe_operator.failures import Problem
from thinksafe_operator.hearing import LOOK_SOON
from thinksafe_operator.reasons import Reason


def decide(experiment: Experiment, seen: Seen, now: float) -> Decision:
    """What to do now. A second call with the status of the first changes nothing."""
    if experiment.deleting:
        return Decision(experiment.status)  # Kubernetes deletes its children; nothing is made any more
    if conditions.ended(experiment.status.get("conditions")):
        return _after_the_end(experiment, seen, now)
    try:
        parsed = parsed_of(experiment)
    except ThinkSafeError as error:
        problem = Problem(Reason.INVALID_SPEC, conditions.cut(error.line(), 800))
        status = fit(impossible(experiment, problem, rfc3339(now)))
        return Decision(status, delete_job=seen.live_job, requeue_after=LOOK_SOON)
    return _go_through(Course(experiment, parsed, seen, now))


def parsed_of(experiment: Experiment) -> ExperimentManifest:
    """The manifest, checked by its fields alone; its variants are not expanded. Raises SettingsError."""
    metadata = {"name": experiment.name, "namespace": experiment.namespace}
    document = {"apiVersion": API_VERSION, "kind": EXPERIMENT_KIND, "metadata": metadata, "spec": experiment.spec}
    return manifest.parse_experiment(document, where="The manifest")


def _go_through(course: Course) -> Decision:
    """First what happened, then what must not go on, then what comes next."""
    variants.hear(course)
    comparing.hear(course)
    if course.spec.suspend:
        _suspend(course)
    else:
        _go_on(course)
    status = fit(closed(course))
    ended = conditions.ended(status["conditions"])
    return Decision(
        status,
        start=tuple(course.start),
        suspend=tuple(course.suspend),
        compare=course.compare,
        delete_job=course.delete_job,
        events=tuple(course.events),
        requeue_after=LOOK_SOON if ended else course.wake,  # its own write wakes nobody, and its time to live begins
    )


def _suspend(course: Course) -> None:
    """Stop: every run is suspended, and the comparison's Job goes. Suspended is only what has come to rest."""
    at_rest = variants.suspend(course)
    at_rest = comparing.suspend(course) and at_rest
    course.settled, course.problem = at_rest, None
    if not at_rest:
        course.look_again_in(LOOK_SOON)
    elif course.said("Suspended").get("status") != "True":
        course.tell(Reason.SUSPENDED, "Nothing of the experiment goes on; what is committed is kept")


def _go_on(course: Course) -> None:
    if course.said("Suspended").get("status") == "True":
        course.tell(Reason.RESUMED, "It goes on where it stopped")
    variants.leave_out(course)
    variants.begin(course)
    variants.keep_going(course)
    comparing.go_on(course)


def _after_the_end(experiment: Experiment, seen: Seen, now: float) -> Decision:
    """The outcome is for good. Only what was left behind is cleared away, and all of it when its time is over."""
    end = after_the_end(experiment.status, experiment.generation, experiment.spec, now)
    return Decision(end.status, delete_job=seen.live_job, delete=end.over, requeue_after=end.wake)
