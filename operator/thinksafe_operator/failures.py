"""What went wrong, told as one problem: from pods, Jobs, Kueue, warning events, and refusals of the API server. Pure.

A message says what and where. Of a worker only `message` and `hint` of its last words are repeated, which by their
contract hold no text of a data row.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from thinksafe_operator import reasons
from thinksafe_operator.conditions import cut
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Job, Pod, Workload

_BY_CODE = {
    64: Reason.BAD_USAGE,
    65: Reason.BAD_DATA,
    69: Reason.DEVICE_FAILED,
    75: Reason.STORAGE_UNAVAILABLE,
    77: Reason.ACCESS_DENIED,
    78: Reason.BAD_SETTINGS,
    126: Reason.IMAGE_INVALID,  # the command is there but cannot be run
    127: Reason.IMAGE_INVALID,  # there is no such command
    143: Reason.DISRUPTED,
}
_BY_WAITING = {
    "ErrImagePull": Reason.IMAGE_PULL_FAILED,
    "ImagePullBackOff": Reason.IMAGE_PULL_FAILED,
    "ErrImageNeverPull": Reason.IMAGE_PULL_FAILED,
    "RegistryUnavailable": Reason.IMAGE_PULL_FAILED,
    "InvalidImageName": Reason.IMAGE_INVALID,
    "ImageInspectError": Reason.IMAGE_INVALID,
    "CreateContainerConfigError": Reason.CONFIG_MISSING,
    "CreateContainerError": Reason.POD_NOT_STARTED,
    "RunContainerError": Reason.POD_NOT_STARTED,
}
# With these codes the worker itself says that another attempt would end the same way.
_FOR_GOOD = (64, 65, 77, 78)
_BY_TERMINATED = {
    "OOMKilled": Reason.OUT_OF_MEMORY,
    "StartError": Reason.IMAGE_INVALID,
    "ContainerCannotRun": Reason.IMAGE_INVALID,
    "UnexpectedAdmissionError": Reason.DEVICE_FAILED,  # the node's device plugin could not give what it promised
}
_NO_POD = ("FailedCreate",)  # warnings about pods that could not be made, and about pods that are there but wait
_NO_START = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox")
TELLING = frozenset((*_NO_POD, *_NO_START))  # the warnings that are made use of
# By the resource that a node was short of. Any other eviction by the kubelet is for a limit of the pod's own disk.
_SHORT_OF = re.compile(r"was low on resource: ([\w-]+)")
_BY_RESOURCE = {
    "memory": Reason.OUT_OF_MEMORY,
    "ephemeral-storage": Reason.OUT_OF_DISK,
    "inodes": Reason.OUT_OF_DISK,
}
_MISSING = re.compile(r"not found|no PriorityClass|couldn't find key|references non-existent|doesn't exist", re.I)
_NO_QUEUE = re.compile(r"doesn't exist|does not exist|not found", re.I)
_EXIT_CODE = re.compile(r"exit code (\d{1,3})\b")
_TEXT = 500  # characters of a foreign message: the whole of ours has to stay under 1 KiB


@dataclass(frozen=True)
class Problem:
    """What went wrong. `message`: what and where, without a full stop; `hint`: what to do, if more is known."""

    reason: Reason
    message: str
    node: str = ""
    code: int | None = None
    hint: str = ""

    @property
    def permanent(self) -> bool:
        """Another attempt would end the same way."""
        return reasons.group(self.reason) == "terminal" or self.code in _FOR_GOOD

    @property
    def needs_human(self) -> bool:
        """It waits for a human, and goes on by itself then."""
        return reasons.group(self.reason) == "human"

    @property
    def is_free(self) -> bool:
        """It was done to the stage from outside, so it costs none of its retries."""
        return self.reason in (Reason.DISRUPTED, Reason.JOB_DELETED)

    @property
    def to_do(self) -> str:
        return (self.hint or reasons.what_to_do(self.reason)).rstrip(". ")

    def text(self) -> str:
        """What, where and what to do."""
        return cut(f"{self.message.rstrip('. ')}. {self.to_do}")


def of_job(job: Job, pods: Iterable[Pod]) -> Problem:
    """Why a failed Job failed: what its most telling pod says, else what the Job says itself."""
    ended = [p for p in pods_of(job, pods) if _failed(p)]
    if ended:
        return of_pod(min(ended, key=_tells_less))
    said = cut(f"{job.reason}: {job.message}".strip(": "), _TEXT) or "it failed without a reason"
    found = _EXIT_CODE.search(job.message)
    code = int(found[1]) if found else None
    reason = _BY_CODE.get(code or 0, Reason.WORKER_CRASHED)
    return Problem(reason, f"{job.stage}: Job {job.name} failed: {said}", code=code)


def latest(job: Job, pods: Iterable[Pod]) -> Problem | None:
    """Why the last worker failed of a Job that goes on, with another pod; None if none did."""
    ended = [p for p in pods_of(job, pods) if _failed(p)]
    return of_pod(max(ended, key=lambda p: (p.finished_at or 0.0, p.name))) if ended else None


def waited_too_long(what: str, waited: float, limit: int, held_up: Problem | None) -> Problem:
    """Nothing of it ran for longer than pendingDeadlineSeconds; `held_up` is why, if known. Times in seconds."""
    why = f": {held_up.message}" if held_up else ""
    told = f"{what} waited {int(waited)} s to run, {limit} s are allowed{why}"
    return Problem(Reason.PENDING_DEADLINE_EXCEEDED, told)


def evicted_too_often(job: Job, pods: Iterable[Pod], allowed: int) -> Problem | None:
    """Why a kubelet has evicted one worker more than `allowed` times; None if none has.

    Kubernetes counts no eviction that a node's want of memory or disk is the cause of. A worker that fills every node
    itself would begin again for ever.
    """
    evicted: dict[int, list[Pod]] = {}
    for pod in pods_of(job, pods):
        if pod.evicted:
            evicted.setdefault(pod.index, []).append(pod)
    for of_worker in evicted.values():
        if len(of_worker) > allowed:
            last = max(of_worker, key=lambda p: (p.finished_at or 0.0, p.name))
            told = f"{_where(last)}: it was evicted, the {len(of_worker)}th of its pods: {cut(last.evicted, _TEXT)}"
            return Problem(_of_eviction(last), told, last.node, last.exit_code)
    return None


def pods_of(job: Job, pods: Iterable[Pod]) -> list[Pod]:
    """The pods of this Job's attempt."""
    return [p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt)]


def a_worker_runs(job: Job, pods: Iterable[Pod]) -> bool:
    """Whether a pod of this Job's attempt is at work."""
    return job.ready > 0 or any(p.running for p in pods_of(job, pods))


def of_pod(pod: Pod) -> Problem:
    """Why a worker that has ended did not succeed."""
    said = pod.words or {}
    code = _code(pod)
    reason = _BY_TERMINATED.get(pod.terminated) or _BY_CODE.get(code or 0)
    if pod.evicted and not pod.disrupted:  # Kubernetes counts it, too
        reason = _of_eviction(pod)
    if said.get("reason") == Reason.OUT_OF_MEMORY and code == 78:  # a process of the worker's, not the container
        reason = Reason.OUT_OF_MEMORY
    if pod.disrupted and (reason is None or not _is_terminal(reason)):
        reason = Reason.DISRUPTED
    if reason is None:
        reason = Reason.WORKER_CRASHED if code is not None else Reason.POD_NOT_STARTED
    message, hint = _text(said.get("message")), _text(said.get("hint"))
    killed = reason is Reason.OUT_OF_MEMORY and said.get("reason") != reason
    if not message or killed or pod.evicted or reason is Reason.DISRUPTED:
        message, hint = _how_it_ended(pod, reason, code), ""
    if reason is Reason.WORKER_CRASHED and not hint:
        hint = f"Look at the worker's log: kubectl logs {pod.name}"
    return Problem(reason, f"{_where(pod)}: {message}", pod.node, code, hint)


def of_refusal(stage: str, status: int, message: str) -> Problem:
    """Why the API server did not take a stage's Job."""
    said = cut(message, _TEXT)
    if status == 409:
        return Problem(Reason.NAME_CONFLICT, f"{stage}: its Job cannot be made: {said}")
    if status in (400, 413, 422) and "admission webhook" not in message:
        return Problem(Reason.INVALID_SPEC, f"{stage}: the API server does not take its Job: {said}")
    if status in (400, 403, 422):
        return _refused(f"{stage}: its Job cannot be made", said)
    return Problem(Reason.POD_NOT_STARTED, f"{stage}: its Job cannot be made ({status}): {said}")


def while_waiting(
    job: Job, pods: Iterable[Pod], workload: Workload | None, warnings: Iterable[tuple[str, str]]
) -> Problem | None:
    """What holds up a Job of which no worker runs; None if nothing is known to."""
    if job.suspended:
        return _of_queue(job, workload)
    waiting = [p for p in pods_of(job, pods) if p.phase == "Pending"]
    found = [problem for problem in map(_of_waiting_pod, waiting) if problem]
    telling = _NO_START if waiting else _NO_POD
    found += [_of_warning(job, reason, message) for reason, message in warnings if reason in telling]
    # What a human must mend first: it is the one that does not pass by waiting.
    return min(found, key=lambda problem: not problem.needs_human, default=None)


def recalled(reason: str, text: str) -> Problem | None:
    """The problem that a condition tells of, if it does tell of one that may pass: `text` is what `text()` gave."""
    known = Reason(reason)
    if reasons.group(known) not in ("human", "heals"):
        return None
    return Problem(known, text.removesuffix(reasons.what_to_do(known)).rstrip(". "))


def _of_queue(job: Job, workload: Workload | None) -> Problem:
    where = f"{job.stage}: Job {job.name} waits in its queue"
    if workload is None:
        return Problem(Reason.QUOTA_PENDING, f"{where}: Kueue has not looked at it yet")
    reason = Reason.QUEUE_NOT_FOUND if _NO_QUEUE.search(workload.message) else Reason.QUOTA_PENDING
    said = cut(workload.message or workload.reason, _TEXT)
    return Problem(reason, f"{where}: {said}" if said else where)


def _of_waiting_pod(pod: Pod) -> Problem | None:
    if pod.unschedulable:
        reason = Reason.CONFIG_MISSING if _MISSING.search(pod.unschedulable) else Reason.UNSCHEDULABLE
        return Problem(reason, f"{_where(pod)}: no node takes it: {cut(pod.unschedulable, _TEXT)}")
    reason = _BY_WAITING.get(pod.waiting)
    if reason is None:
        return None
    if "runAsNonRoot" in pod.waiting_message:
        reason = Reason.IMAGE_INVALID
    said = cut(f"{pod.waiting}: {pod.waiting_message}".strip(": "), _TEXT)
    return Problem(reason, f"{_where(pod)}: {said}", pod.node)


def _of_warning(job: Job, reason: str, message: str) -> Problem:
    said = cut(message, _TEXT)
    if reason in _NO_POD:
        return _refused(f"{job.stage}: no pod can be made", said)
    kind = Reason.CONFIG_MISSING if _MISSING.search(message) else Reason.POD_NOT_STARTED
    return Problem(kind, f"{job.stage}: its pod cannot start: {said}")


def _refused(where: str, said: str) -> Problem:
    """What quota, pod security, a LimitRange, a webhook or a missing name refused, by the words of the refusal."""
    if "exceeded quota" in said:
        reason = Reason.QUOTA_EXCEEDED
    elif "is being terminated" in said:
        reason = Reason.POD_NOT_STARTED
    elif _MISSING.search(said):
        reason = Reason.CONFIG_MISSING
    elif re.search(r"forbidden|denied|violates|failed quota", said, re.I):
        reason = Reason.POD_FORBIDDEN
    else:
        reason = Reason.POD_NOT_STARTED
    return Problem(reason, f"{where}: {said}")


def _of_eviction(pod: Pod) -> Reason:
    short_of = _SHORT_OF.search(pod.evicted)
    return _BY_RESOURCE.get(short_of[1], Reason.WORKER_CRASHED) if short_of else Reason.OUT_OF_DISK


def _failed(pod: Pod) -> bool:
    return pod.phase == "Failed" or pod.exit_code not in (None, 0)


def _tells_less(pod: Pod) -> tuple:
    """Order of pods: what ends the run first, then what is the stage's own fault, then the latest."""
    problem = of_pod(pod)
    return not problem.permanent, problem.is_free, -(pod.finished_at or 0.0), pod.name


def _code(pod: Pod) -> int | None:
    """The container's exit code; the words' where that one says nothing (a library that crashed while it left)."""
    said = (pod.words or {}).get("code")
    if pod.exit_code not in _BY_CODE and type(said) is int and said in _BY_CODE:
        return said
    return pod.exit_code


def _is_terminal(reason: Reason) -> bool:
    return reasons.group(reason) == "terminal"


def _how_it_ended(pod: Pod, reason: Reason, code: int | None) -> str:
    if pod.evicted:
        return f"it was evicted: {cut(pod.evicted, _TEXT)}"
    if reason is Reason.OUT_OF_MEMORY:
        return "it was killed because it used more memory than its limit"
    if reason is Reason.DISRUPTED:
        return "it was stopped from outside (preempted, drained, evicted or deleted)"
    how = f"it ended with exit code {code}" if code is not None else "it did not start"
    return f"{how} ({pod.terminated})" if pod.terminated not in ("", "Error") else how


def _where(pod: Pod) -> str:
    return f"{pod.stage}, pod {pod.name}" + (f" on node {pod.node}" if pod.node else "")


def _text(said: object) -> str:
    return cut(said, _TEXT).rstrip(". ") if isinstance(said, str) else ""
