"""Every Job of a namespace that there ever was, as a watch tells of them: made twice, or two alive at once?"""

import json
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from cluster.binaries import binary
from e2e.namespace import Namespace

from thinksafe_operator.names import LABEL_RUN, LABEL_STAGE

_AGAIN_SECONDS = 0.3


@dataclass
class Ledger:
    """What was told of Jobs, in the order it was told. Pure.

    `uids`: of each name; a name with two uids was made twice. `clashes`: names that were alive at once for one stage
    of one run. Alive is a Job until it is gone or finished, also while it is being deleted.
    """

    uids: dict[str, list[str]] = field(default_factory=dict)
    stages: dict[str, str] = field(default_factory=dict)  # stage of each name
    clashes: list[tuple[str, ...]] = field(default_factory=list)
    _alive: dict[str, tuple[str, str, str]] = field(default_factory=dict)  # uid: run, stage, name

    def put(self, job: dict) -> None:
        name, uid, labels = job["metadata"]["name"], job["metadata"]["uid"], job["metadata"]["labels"]
        if uid not in self.uids.setdefault(name, []):
            self.uids[name].append(uid)
        self.stages[name] = labels[LABEL_STAGE]
        if _finished(job):
            self._alive.pop(uid, None)
            return
        place = (labels[LABEL_RUN], labels[LABEL_STAGE])
        others = [n for u, (*at, n) in self._alive.items() if tuple(at) == place and u != uid]
        if others and uid not in self._alive:
            self.clashes.append((*others, name))
        self._alive[uid] = (*place, name)

    def drop(self, job: dict) -> None:
        self._alive.pop(job["metadata"]["uid"], None)

    def replace(self, jobs: list[dict]) -> None:
        """All Jobs there are, after a gap: what is not among them is gone."""
        there = {job["metadata"]["uid"] for job in jobs}
        self._alive = {uid: entry for uid, entry in self._alive.items() if uid in there}
        for job in jobs:
            self.put(job)

    def made_twice(self) -> list[str]:
        return [name for name, uids in self.uids.items() if len(uids) > 1]

    def made_of(self, stage: str) -> list[str]:
        """Names of the Jobs of a stage, in order."""
        return [name for name, of in self.stages.items() if of == stage]


def _finished(job: dict) -> bool:
    conditions = job.get("status", {}).get("conditions", [])
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in conditions)


class JobWatch:
    """Keeps `ledger` while it is entered. It goes on from the last version heard where the API server was away."""

    def __init__(self, namespace: Namespace) -> None:
        self.ledger, self._namespace = Ledger(), namespace
        self._path = f"/apis/batch/v1/namespaces/{namespace.name}/jobs"
        self._closed, self._watch = threading.Event(), None
        self._thread = threading.Thread(target=self._follow, name="job watch", daemon=True)

    def __enter__(self) -> Ledger:
        self._thread.start()
        return self.ledger

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        if self._watch:
            self._watch.kill()
        self._thread.join()

    def _follow(self) -> None:
        version = ""
        while not self._closed.is_set():
            with suppress(RuntimeError, ValueError):  # the API server is away, or its last line was cut off
                version = self._follow_from(version or self._list())
            self._closed.wait(_AGAIN_SECONDS)

    def _list(self) -> str:
        listed = json.loads(self._namespace.kubectl("get", "--raw", self._path))
        self.ledger.replace(listed["items"])
        return listed["metadata"]["resourceVersion"]

    def _follow_from(self, version: str) -> str:
        """The version up to which all is known; "" if there was a gap and all must be listed."""
        kubeconfig = f"--kubeconfig={self._namespace.cluster.kubeconfig}"
        path = f"{self._path}?watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=600"
        command = [str(binary("kubectl")), kubeconfig, "get", "--raw", path]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as self._watch:
            for line in self._watch.stdout or ():
                if not line.endswith("\n"):
                    break
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return ""
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] in ("ADDED", "MODIFIED"):
                    self.ledger.put(event["object"])
                elif event["type"] == "DELETED":
                    self.ledger.drop(event["object"])
        return version
