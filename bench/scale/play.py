"""The kubelets of thousands of pods: each pod runs, and a moment later ends well with a worker's last words."""

import asyncio

from api.player import Player

from bench.scale.plane import NAMESPACE
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_MANAGED_BY, MANAGED_BY
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import PODS

WORKERS = 16
_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY}"


class Stage(Player):
    """Hears of pods by a watch: looking at all of them again and again would be most of the API server's work.

    The pods that are there at the start are played too. A pod takes two writes of its status, the second one
    `seconds` after the first.
    """

    def __init__(self, kube: Kube, seconds: float = 1.0) -> None:
        super().__init__(kube, NAMESPACE)
        self._seconds = seconds
        self._line: asyncio.Queue[dict] = asyncio.Queue()
        self._met: set[tuple[str, str]] = set()

    async def run(self, every: float = 0.0) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear())
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _hear(self) -> None:
        while True:
            version = ""
            async for pods, listed in self._kube.pages(PODS, NAMESPACE, labels=_SELECTOR):
                version = listed
                for pod in pods:
                    self._meet(pod)
            try:
                async for event in self._kube.watch(PODS, NAMESPACE, since=version, seconds=600, labels=_SELECTOR):
                    if event["type"] in ("ADDED", "MODIFIED"):
                        self._meet(event["object"])
            except ApiError:
                continue  # a gap: list again

    def _meet(self, pod: dict) -> None:
        phase, told = pod["status"].get("phase"), (pod["metadata"]["uid"], pod["status"].get("phase", ""))
        if told in self._met or phase not in ("Pending", "Running"):
            return
        self._met.add(told)
        # The status of a pod is all that is looked at; its spec would be most of the memory.
        small = {"metadata": {k: pod["metadata"][k] for k in ("name", "labels")}, "status": {"phase": phase}}
        if phase == "Pending":
            self._line.put_nowait(small)
        else:
            asyncio.get_running_loop().call_later(self._seconds, self._line.put_nowait, small)

    async def _work(self) -> None:
        while True:
            await self.play(await self._line.get())
