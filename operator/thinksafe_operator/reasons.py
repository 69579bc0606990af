"""Every reason that a condition, an event or a failure can have, and what to do about it. A closed list. Pure.

A reason belongs to one group, and the group says what the operator does: what ends the run at once, what waits for a
human (Stalled until it is mended), what heals by itself or by another attempt, and what is no trouble at all.
"""

from enum import StrEnum
from typing import Literal

Group = Literal["terminal", "human", "heals", "state"]


class Reason(StrEnum):
    """The closed list. The words are API: dashboards and alerts match them."""

    # Terminal: another attempt would end the same way.
    INVALID_SPEC = "InvalidSpec"
    BAD_USAGE = "BadUsage"
    BAD_DATA = "BadData"
    BAD_SETTINGS = "BadSettings"
    ACCESS_DENIED = "AccessDenied"
    STAGE_FAILED = "StageFailed"
    DEADLINE_EXCEEDED = "DeadlineExceeded"
    PENDING_DEADLINE_EXCEEDED = "PendingDeadlineExceeded"
    GATE_FAILED = "GateFailed"
    RUN_DENIED = "RunDenied"
    VARIANT_FAILED = "VariantFailed"
    COMPARISON_FAILED = "ComparisonFailed"
    # A human must mend something; the run goes on by itself when it is mended.
    NAME_CONFLICT = "NameConflict"
    IMAGE_PULL_FAILED = "ImagePullFailed"
    IMAGE_INVALID = "ImageInvalid"
    CONFIG_MISSING = "ConfigMissing"
    POD_FORBIDDEN = "PodForbidden"
    QUEUE_NOT_FOUND = "QueueNotFound"
    RUN_NOT_MADE = "RunNotMade"
    # Heals by itself, with time or with another attempt.
    UNSCHEDULABLE = "Unschedulable"
    QUOTA_EXCEEDED = "QuotaExceeded"
    QUOTA_PENDING = "QuotaPending"
    POD_NOT_STARTED = "PodNotStarted"
    OUT_OF_MEMORY = "OutOfMemory"
    OUT_OF_DISK = "OutOfDisk"
    NO_PROGRESS = "NoProgress"
    STORAGE_UNAVAILABLE = "StorageUnavailable"
    DEVICE_FAILED = "DeviceFailed"
    DISRUPTED = "Disrupted"
    JOB_DELETED = "JobDeleted"
    NO_RESULT = "NoResult"
    WORKER_CRASHED = "WorkerCrashed"
    # How things stand.
    PENDING = "Pending"
    QUEUED = "Queued"
    RUNNING = "Running"
    RETRYING = "Retrying"
    SUSPENDED = "Suspended"
    RESUMED = "Resumed"
    NOT_SUSPENDED = "NotSuspended"
    NOT_STARTED = "NotStarted"
    QUOTA_RESERVED = "QuotaReserved"
    CACHE_HIT = "CacheHit"
    COMMITTED = "Committed"
    NOT_EVALUATED = "NotEvaluated"
    GATE_PASSED = "GatePassed"
    COMPLETE = "Complete"
    COMPARING = "Comparing"
    REPORTED = "Reported"
    ROUND_STOPPED = "RoundStopped"
    NO_ADAPTER = "NoAdapter"
    FAIL_FAST = "FailFast"
    # Of events only: something has just happened.
    STAGE_STARTED = "StageStarted"
    STAGE_SUCCEEDED = "StageSucceeded"
    STAGE_CACHED = "StageCached"
    VARIANT_STARTED = "VariantStarted"
    VARIANT_ENDED = "VariantEnded"
    COMPLETED = "Completed"
    FAILED = "Failed"


_TERMINAL = {
    Reason.INVALID_SPEC: "Correct the manifest and apply it as a new run",
    Reason.BAD_USAGE: "The worker was called wrongly: use a worker image of the operator's own version",
    Reason.BAD_DATA: "Correct the named file or its columns and apply a new run",
    Reason.BAD_SETTINGS: "Correct the named setting and apply a new run",
    Reason.ACCESS_DENIED: "Give the named credentials access (accept a gated model's licence, or allow the bucket) "
    "and apply a new run",
    Reason.STAGE_FAILED: "No attempt is left: mend the cause and apply a new run; what is committed is kept",
    Reason.DEADLINE_EXCEEDED: "Raise activeDeadlineSeconds in a new run; what is committed is kept",
    Reason.PENDING_DEADLINE_EXCEEDED: "Free the resources that it waited for, or raise pendingDeadlineSeconds, "
    "and apply a new run",
    Reason.GATE_FAILED: "The adapter is not published: read the report, then change the guard, the data or the gate",
    Reason.RUN_DENIED: "Ask an administrator to give the namespace what the variant names, or change the variant, "
    "and apply a new experiment",
    Reason.VARIANT_FAILED: "Mend the cause and apply a new experiment: what is committed is kept",
    Reason.COMPARISON_FAILED: "Mend the cause and apply a new experiment; each run has its own report all the same",
}

_HUMAN = {
    Reason.NAME_CONFLICT: "Delete or rename the object that has this name; the run then goes on",
    Reason.IMAGE_PULL_FAILED: "Check image name, tag and imagePullSecrets, and that the node reaches the registry",
    Reason.IMAGE_INVALID: "Correct the image: it must be a valid name of a ThinkSafe worker image",
    Reason.CONFIG_MISSING: "Create the named object in the run's namespace; the pod then starts by itself",
    Reason.POD_FORBIDDEN: "Ask an administrator to allow the pod, or change resources or podTemplate in a new run",
    Reason.QUEUE_NOT_FOUND: "Create the Kueue queue, or apply a new run with the queueName of one that exists",
    Reason.RUN_NOT_MADE: "The API server's words say what the operator lacks; it tries again by itself",
}

_HEALS = {
    Reason.UNSCHEDULABLE: "Add a node that fits, or lower resources, nodeSelector or tolerations in a new run",
    Reason.QUOTA_EXCEEDED: "It starts when the namespace's ResourceQuota has room; free some or have it raised",
    Reason.QUOTA_PENDING: "It starts when Kueue has quota for it",
    Reason.POD_NOT_STARTED: "Kubernetes goes on trying; if it lasts, look at the pod with kubectl describe",
    Reason.OUT_OF_MEMORY: "Raise resources.limits.memory of the stage, or lower chunkRows or tokensPerPack",
    Reason.OUT_OF_DISK: "Raise resources.limits.ephemeral-storage of the stage or the sizeLimit of its volume, "
    "or choose nodes with more disk",
    Reason.NO_PROGRESS: "Look at the worker's log and its accelerator; raise stallTimeoutSeconds if it was only slow",
    Reason.STORAGE_UNAVAILABLE: "Check that the store answers: its endpoint, its bucket, its disk",
    Reason.DEVICE_FAILED: "Look at the node's accelerator (nvidia-smi, XID errors); further attempts avoid the node",
    Reason.DISRUPTED: "A pod was preempted, its node drained, or somebody stopped it; the stage goes on elsewhere",
    Reason.JOB_DELETED: "Somebody deleted the stage's Job; to stop a run set spec.suspend",
    Reason.NO_RESULT: "The worker ended without its last words: use a worker image of the operator's own version",
    Reason.WORKER_CRASHED: "Look at the worker's log: kubectl logs job/NAME",
}

_STATE = {
    Reason.PENDING: "It starts by itself",
    Reason.QUEUED: "It starts by itself",
    Reason.RUNNING: "Nothing needs to be done",
    Reason.RETRYING: "The next attempt starts by itself",
    Reason.SUSPENDED: "Set spec.suspend to false to go on",
    Reason.RESUMED: "Nothing needs to be done",
    Reason.NOT_SUSPENDED: "Nothing needs to be done",
    Reason.NOT_STARTED: "It starts by itself",
    Reason.QUOTA_RESERVED: "Nothing needs to be done",
    Reason.CACHE_HIT: "Nothing needs to be done",
    Reason.COMMITTED: "Nothing needs to be done",
    Reason.NOT_EVALUATED: "The gate is judged when the report is made",
    Reason.GATE_PASSED: "Nothing needs to be done",
    Reason.COMPLETE: "Nothing needs to be done",
    Reason.COMPARING: "Nothing needs to be done",
    Reason.REPORTED: "Nothing needs to be done",
    Reason.ROUND_STOPPED: "Nothing needs to be done",
    Reason.NO_ADAPTER: "Look at the variant that should have trained it",
    Reason.FAIL_FAST: "Look at the variant that failed",
    Reason.VARIANT_STARTED: "Nothing needs to be done",
    Reason.VARIANT_ENDED: "Nothing needs to be done",
    Reason.STAGE_STARTED: "Nothing needs to be done",
    Reason.STAGE_SUCCEEDED: "Nothing needs to be done",
    Reason.STAGE_CACHED: "Nothing needs to be done",
    Reason.COMPLETED: "Nothing needs to be done",
    Reason.FAILED: "The message says what to do",
}

_GROUPS: dict[Group, dict[Reason, str]] = {"terminal": _TERMINAL, "human": _HUMAN, "heals": _HEALS, "state": _STATE}
_GROUP_OF: dict[Reason, Group] = {reason: group for group, members in _GROUPS.items() for reason in members}
_TO_DO = {reason: text for members in _GROUPS.values() for reason, text in members.items()}


def group(reason: str) -> Group:
    """The group of a reason. ValueError if it is none of ours."""
    return _GROUP_OF[Reason(reason)]


def what_to_do(reason: str) -> str:
    """One sentence, without a full stop, that says what a person can do about it."""
    return _TO_DO[Reason(reason)]
