"""The Jobs, pods and Workloads that are alive, as the watches tell of them: small values, found by their run's uid.

What has ended is kept only until it is recorded, so that the memory is that of what runs, not of what ever ran. All of
it may be older than the truth; what is absent here is therefore not known to be absent.
"""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from thinksafe_operator import parse
from thinksafe_operator.queue import Key, Queue
from thinksafe_operator.state import Job, Pod, Workload

# A Job of 64 pods tells of each of them at nearly the same moment: one look at the run is enough for all.
GATHER_SECONDS = 0.2
_ENDED = ("Succeeded", "Failed")


class Cache(Protocol):
    """What a watch fills. `keep` gets the uids of all there are in `namespace` (None: in the cluster)."""

    def put(self, raw: dict) -> None: ...

    def drop(self, raw: dict) -> None: ...

    def keep(self, uids: set[str], namespace: str | None) -> None: ...


T = TypeVar("T")


@dataclass(frozen=True)
class _Entry(Generic[T]):
    key: Key
    group: str  # by which it is looked for: the uid of its run, or of its Job
    job: str
    value: T


class _Values(Generic[T]):
    """Values by their own uid and by that of their group, and the news of them for the queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._entries: dict[str, _Entry[T]] = {}
        self._groups: dict[str, set[str]] = {}

    def of(self, group: str) -> list[T]:
        return [self._entries[uid].value for uid in sorted(self._groups.get(group, ()))]

    def key_of(self, uid: str) -> Key | None:
        """The key of the run of the object with this uid."""
        entry = self._entries.get(uid)
        return entry.key if entry else None

    def __contains__(self, uid: str) -> bool:
        return uid in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def drop(self, raw: dict) -> None:
        self._remove(raw["metadata"]["uid"])

    def keep(self, uids: set[str], namespace: str | None) -> None:
        gone = [u for u, e in self._entries.items() if u not in uids and namespace in (None, e.key[0])]
        for uid in gone:
            self._remove(uid)

    def _set(self, uid: str, entry: _Entry[T]) -> None:
        if self._entries.get(uid) != entry:
            self._entries[uid] = entry
            self._groups.setdefault(entry.group, set()).add(uid)
            self._tell(entry.key)

    def _remove(self, uid: str, *, tell: bool = True) -> None:
        entry = self._entries.pop(uid, None)
        if entry is None:
            return
        uids = self._groups[entry.group]
        uids.discard(uid)
        if not uids:
            del self._groups[entry.group]
        if tell:
            self._tell(entry.key)

    def _tell(self, key: Key) -> None:
        self._queue.add_later(key, GATHER_SECONDS)


class Jobs(_Values[Job]):
    """Jobs by their run's uid: all that have not finished, and those seen to finish until they are released.

    One that had finished before it was seen is told and not kept: most of them are history.
    """

    def put(self, raw: dict) -> None:
        run, uid, key = parse.owner_uid(raw), raw["metadata"]["uid"], _key(raw)
        if not run:
            return
        job = parse.parse_job(raw, run)
        if job.finished is None or uid in self:
            self._set(uid, _Entry(key, run, uid, job))
        else:
            self._tell(key)

    def release(self, run: str, but: str | None) -> None:
        """Let go of the run's finished Jobs, but for the one of this name."""
        for uid in list(self._groups.get(run, ())):
            job = self._entries[uid].value
            if job.finished and job.name != but:
                self._remove(uid, tell=False)


class Pods(_Values[Pod]):
    """Pods by their run's uid: all that have not ended, and those that have while their Job is here."""

    def __init__(self, queue: Queue, jobs: Jobs) -> None:
        super().__init__(queue)
        self._jobs = jobs

    def put(self, raw: dict) -> None:
        run, uid, job = parse.run_uid(raw), raw["metadata"]["uid"], parse.owner_uid(raw, "Job")
        if not run or not job:
            return
        pod = parse.parse_pod(raw)
        if pod.phase in _ENDED and job not in self._jobs:
            self._remove(uid, tell=False)
        else:
            self._set(uid, _Entry(_key(raw), run, job, pod))

    def running(self) -> list[tuple[Key, str, Pod]]:
        """Every pod whose worker runs, with the key and the uid of its run."""
        return [(e.key, e.group, e.value) for e in self._entries.values() if e.value.running]

    def release(self, run: str) -> None:
        """Let go of the run's ended pods whose Job is not here any more."""
        for uid in list(self._groups.get(run, ())):
            entry = self._entries[uid]
            if entry.value.phase in _ENDED and entry.job not in self._jobs:
                self._remove(uid, tell=False)


class Workloads(_Values[Workload]):
    """Kueue's Workloads by the uid of their Job. Those of other Jobs, most of a cluster's, are passed over.

    So one that is told before its Job is not here either.
    """

    def __init__(self, queue: Queue, jobs: Jobs) -> None:
        super().__init__(queue)
        self._jobs = jobs

    def put(self, raw: dict) -> None:
        job = parse.owner_uid(raw, "Job")
        if (key := self._jobs.key_of(job)) is not None:
            self._set(raw["metadata"]["uid"], _Entry(key, job, job, parse.parse_workload(raw)))

    def prune(self) -> None:
        """Let go of the Workloads of Jobs that have finished since."""
        for uid, entry in list(self._entries.items()):
            if entry.job not in self._jobs:
                self._remove(uid, tell=False)


def _key(raw: dict) -> Key:
    return raw["metadata"]["namespace"], parse.run_name(raw)
