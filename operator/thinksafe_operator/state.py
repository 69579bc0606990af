"""What the operator sees and what it decides, as plain values: the language between I/O and decisions. Pure.

Times are Unix seconds. Nothing here comes from a worker but numbers, reasons and digests: never a row's text.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Run:
    """A ThinkSafeRun as it was read: `spec` and `status` as in the API (camelCase), `status` empty if none yet.

    `resource_version` is of this reading. It goes into the write of the status, which the API server refuses with 409
    if the run has changed since: the run is then read again and nothing of the decision is carried out.
    """

    name: str
    namespace: str
    uid: str
    resource_version: str
    generation: int
    created: float
    deleting: bool
    spec: dict
    status: dict


@dataclass(frozen=True)
class Job:
    """A Job of the run's. `finished` is its terminal condition's type; `reason` and `message` are that condition's.

    `ours` says that the Job's controller owner is this run (by uid): another one of the same name is no child.
    """

    name: str
    uid: str
    stage: str
    attempt: int
    created: float
    ours: bool = True
    deleting: bool = False
    suspended: bool = False
    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    finished: Literal["Complete", "Failed"] | None = None
    reason: str = ""
    message: str = ""
    finished_at: float | None = None


@dataclass(frozen=True)
class Pod:
    """A worker pod. `waiting` is a container's waiting reason; `words` the parsed termination message, if it was ours.

    `disrupted`: it has the condition DisruptionTarget (preempted, drained, evicted). `evicted`: what its kubelet said
    when it evicted it, "" if it did not.
    """

    name: str
    stage: str
    attempt: int
    index: int
    phase: str
    created: float
    node: str = ""
    waiting: str = ""
    waiting_message: str = ""
    unschedulable: str = ""
    exit_code: int | None = None
    terminated: str = ""  # the container's terminated reason: Completed, Error, OOMKilled, ...
    finished_at: float | None = None
    words: dict | None = None
    disrupted: bool = False
    evicted: str = ""
    running: bool = False


@dataclass(frozen=True)
class Workload:
    """The Kueue Workload of a Job: its QuotaReserved, Evicted and Admitted conditions, as status, reason, message."""

    quota_reserved: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True)
class Progress:
    """What the running stage's workers told last: all of them, all attempts together (thinksafe.artifacts.progress).

    `node` is the artifact being made, `updated` when something was last heard. `trouble` is the reason why they cannot
    get on just now, in one word of the worker's (StoreUnavailable), "" if there is none.
    """

    node: str
    rows: int
    total: int
    chunks: int
    tokens: int
    seconds: float
    device_seconds: float
    updated: float
    trouble: str = ""


@dataclass(frozen=True)
class Seen:
    """Everything seen of one run at one moment. It may be old: every decision must be right all the same.

    `jobs`: the run's Jobs that are known of. `live`: the Job of the recorded attempt (that of the first stage without
    an outcome) was looked for at the API server after the run was read: if it is not among them, it does not exist.
    From a cache (`live=False`) a missing Job proves nothing, and nothing is concluded from it.
    `warnings`: reason and message of recent Warning events of the current Job and its pods (FailedCreate, ...).
    `refused`: HTTP status and message with which the API server refused to create the Job decided on just before.
    """

    jobs: tuple[Job, ...] = ()
    pods: tuple[Pod, ...] = ()
    workload: Workload | None = None
    progress: Progress | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    refused: tuple[int, str] | None = None
    live: bool = True


@dataclass(frozen=True)
class Attempt:
    """A Job to create: this stage, this attempt. `avoid`: nodes on which an accelerator failed before."""

    stage: str
    attempt: int
    avoid: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that happened to the run, to be told once, after the status is written."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class Decision:
    """What is to be done, in this order: write the status, create, delete Jobs, tell the events, delete the run.

    The status is written first, with the resourceVersion at which the run was read, whenever it has changed *or
    anything is created or deleted*; on 409 the rest is dropped and the run read again. That one write is the fence:
    whoever decided from an old reading fails at it, before doing anything. A Job is recorded before it is made, so
    that no outcome, attempt or Job is lost or doubled by a crash between two lines; making it again is a 409 that is
    fine.
    `requeue_after`: seconds until the run must be looked at again even if nothing happens; None: no need.
    """

    status: dict
    create: tuple[Attempt, ...] = ()
    delete: tuple[Job, ...] = ()
    events: tuple[Event, ...] = ()
    delete_run: bool = False
    requeue_after: float | None = None
