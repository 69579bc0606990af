"""Every name the operator gives or looks for: labels, annotations, and the names of what it creates. Pure."""

import hashlib
import re

from thinksafe.spec import API_VERSION

GROUP, VERSION = API_VERSION.split("/")
PLURAL = "thinksaferuns"
EXPERIMENTS = "thinksafeexperiments"
FIELD_MANAGER = "thinksafe-operator"
MANAGED_BY = "thinksafe-operator"

LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_RUN = "thinksafe.dev/run"
LABEL_RUN_UID = "thinksafe.dev/run-uid"
LABEL_STAGE = "thinksafe.dev/stage"
LABEL_ATTEMPT = "thinksafe.dev/attempt"
LABEL_EXPERIMENT = "thinksafe.dev/experiment"
LABEL_EXPERIMENT_UID = "thinksafe.dev/experiment-uid"
LABEL_VARIANT = "thinksafe.dev/variant"
LABEL_QUEUE = "kueue.x-k8s.io/queue-name"
LABEL_KUEUE_JOB_UID = "kueue.x-k8s.io/job-uid"

# A Job's name plus "-<index>" is a pod's host name, at most 63 characters long. 28 of the run's own name leave room
# for the longest stage ("generate-9"), six digits of the uid, the attempt, and an index of four digits.
_OF_RUN_NAME = 28
_OF_A_JOB = re.compile(
    r"-(?:prepare|generate|filter|train|evaluate|report|compare)(?:-(?:\d+|end))?-[0-9a-f]{6}-\d+(?:-|$)"
)


def job_name(run: str, uid: str, stage: str, attempt: int) -> str:
    """The name of a stage's Job: a function of run, stage and attempt, so that creating it twice creates it once."""
    return f"{_stem(run)}-{stage}-{_short(uid)}-{attempt}"


def comparison_name(experiment: str, uid: str, before: int | None, attempt: int) -> str:
    """The name of a comparison's Job and ConfigMap: before the variant at that place of the list, or at the end."""
    point = "end" if before is None else before
    return f"{_stem(experiment)}-compare-{point}-{_short(uid)}-{attempt}"


def is_of_a_job(name: str) -> bool:
    """Whether this can be the name of a stage's Job or of a comparison's, or of a pod of it."""
    return _OF_A_JOB.search(name) is not None


def manifest_name(run: str, uid: str) -> str:
    """The ConfigMap with the run's manifest, which every worker reads."""
    return f"{_stem(run)}-{_short(uid)}"


def service_name(job: str) -> str:
    """The headless Service of a Job whose pods talk to each other. Unlike a Job's, its name starts with a letter."""
    return job if job[0].isalpha() else f"t-{job}"


def _stem(run: str) -> str:
    return run[:_OF_RUN_NAME].rstrip("-")


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:6]
