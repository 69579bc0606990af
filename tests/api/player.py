"""The kubelets of a cluster that has no node: pods run and end because their status says so."""

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator

from cluster.access import Access

from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_MANAGED_BY, LABEL_STAGE, MANAGED_BY
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import PODS

_NOW = "2026-01-01T00:00:00Z"


def words(stage: str) -> dict:
    """What a worker of this stage says at its end, when all went well."""
    said = {"code": 0, "reason": "Done", "stage": stage, "artifacts": {}, "counts": {"rows": 10, "tokens": 500}}
    if stage == "prepare":
        nodes = ("problems", "prompts", "responses-1", "scores-1", "dataset", "adapter", "report")
        said |= {"artifacts": {n: "d" * 64 for n in nodes}, "held": [], "chunks": 2}
    if stage == "train":
        said["artifacts"] = {"adapter": "d" * 64}
    if stage == "train":
        said["counts"] |= {"kept": {"harmful": 3, "benign": 4}, "total": {"harmful": 5, "benign": 5}}
    if stage == "report":
        results = [{"kind": "harmful", "benchmark": "tiny-harmful", "base": 0.9, "aligned": 0.1}]
        said |= {"gate": {"passed": True, "failed": []}, "results": results}
        said |= {"report": "s3://bucket/r/index.html", "adapter": "s3://bucket/released/r"}
    if stage == "compare":
        said |= {"report": "s3://bucket/experiments/e/index.html", "results": []}
        said |= {"rounds": {"first": {"go": True, "why": "The harmful rate fell."}}}
    return said


End = Callable[[str], tuple[int, dict]]


def well(stage: str) -> tuple[int, dict]:
    return 0, words(stage)


class Player:
    """Lets every pending pod in `namespace` run and every running one end, one step a look.

    `end(stage)` gives exit code and last words.
    """

    def __init__(self, kube: Kube, namespace: str, end: End = well) -> None:
        self._kube, self._namespace, self._end = kube, namespace, end

    async def run(self, every: float = 0.3) -> None:
        while True:
            await self.look()
            await asyncio.sleep(every)

    async def look(self) -> None:
        for pod in await self._kube.list_all(PODS, self._namespace, labels=f"{LABEL_MANAGED_BY}={MANAGED_BY}"):
            await self.play(pod)

    async def play(self, pod: dict) -> None:
        """One step of one pod."""
        if pod["status"]["phase"] == "Pending":
            await self._set(pod, "Running", {"running": {"startedAt": _NOW}}, ready="True")
        elif pod["status"]["phase"] == "Running":
            code, said = self._end(pod["metadata"]["labels"][LABEL_STAGE])
            end = {"exitCode": code, "reason": "Error" if code else "Completed", "message": json.dumps(said)}
            end |= {"startedAt": _NOW, "finishedAt": _NOW}
            await self._set(pod, "Failed" if code else "Succeeded", {"terminated": end}, ready="False")

    async def _set(self, pod: dict, phase: str, state: dict, ready: str) -> None:
        worker = {"name": "worker", "image": "worker", "imageID": "", "ready": ready == "True", "restartCount": 0}
        status = {
            "phase": phase,
            "containerStatuses": [{**worker, "state": state}],
            "conditions": [{"type": "Ready", "status": ready}],
        }
        path = PODS.path(self._namespace, pod["metadata"]["name"], "status")
        headers = {"Content-Type": "application/merge-patch+json"}
        try:
            await self._kube._json("patch", "PATCH", path, headers=headers, body={"status": status})
        except ApiError as error:
            if error.status != 404:  # deleted since
                raise


@contextlib.contextmanager
def playing(access: Access, namespace: str, end: End = well) -> Iterator[None]:
    """Pods run and end, in a thread."""
    stop = threading.Event()

    async def main() -> None:
        async with await Kube.connect(str(access.kubeconfig)) as kube:
            player = Player(kube, namespace, end)
            while not stop.is_set():
                await player.look()
                await asyncio.sleep(0.2)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
