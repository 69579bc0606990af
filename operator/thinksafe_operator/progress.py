"""How far running stages are, read from the logs of their workers: worker pods need no token, the operator no store.

Every worker tells of all workers together, so one pod of a stage is asked, another one each time.
"""

import asyncio
import itertools
import logging

from thinksafe_operator import parse
from thinksafe_operator.children import Pods
from thinksafe_operator.kube import Kube
from thinksafe_operator.queue import Key, Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.state import Pod, Progress

log = logging.getLogger(__name__)
EVERY_SECONDS = 10.0  # workers tell every 10 s: nothing in a status is older than 30
AT_ONCE = 16
LINES, LIMIT_BYTES = 50, 64 * 1024


class Heard:
    """The last progress of every running stage, by the run's uid."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, Progress]] = {}

    def of(self, run: str, stage: str) -> Progress | None:
        known = self._of.get(run)
        return known[1] if known and known[0] == stage else None

    def put(self, run: str, stage: str, told: Progress) -> bool:
        """Whether it is news. What is older than what is known, from a worker that is behind, is not."""
        known = self.of(run, stage)
        if known is not None and (told == known or told.updated < known.updated):
            return False
        self._of[run] = (stage, told)
        return True

    def keep(self, runs: set[str]) -> None:
        """Let go of all other runs."""
        self._of = {run: told for run, told in self._of.items() if run in runs}


class Poller:
    """Asks one pod of every running stage, again and again."""

    def __init__(self, kube: Kube, pods: Pods, heard: Heard, queue: Queue) -> None:
        self._kube, self._pods, self._heard, self._queue = kube, pods, heard, queue
        self._turn = itertools.count()

    async def run(self) -> None:
        while True:
            started = asyncio.get_running_loop().time()
            await self.round()
            spent = asyncio.get_running_loop().time() - started
            await asyncio.sleep(max(1.0, EVERY_SECONDS - spent))

    async def round(self) -> None:
        """Ask once, not more than AT_ONCE pods at a time."""
        turn, running = next(self._turn), self._stages()
        self._heard.keep({run for run, _ in running})
        asked = iter([(run, stage, pods[turn % len(pods)]) for (run, stage), pods in running.items()])

        async def ask_on() -> None:
            for run, stage, (key, pod) in asked:
                await self._ask(run, stage, key, pod.name)

        await asyncio.gather(*(ask_on() for _ in range(min(AT_ONCE, len(running)))))

    def _stages(self) -> dict[tuple[str, str], list[tuple[Key, Pod]]]:
        running: dict[tuple[str, str], list[tuple[Key, Pod]]] = {}
        for key, run, pod in self._pods.running():
            running.setdefault((run, pod.stage), []).append((key, pod))
        return running

    async def _ask(self, run: str, stage: str, key: Key, pod: str) -> None:
        try:
            text = await self._kube.log(key[0], pod, container=parse.WORKER, lines=LINES, limit_bytes=LIMIT_BYTES)
        except ApiError as error:
            # The pod may have ended, or its node be away: the next turn asks another one.
            log.debug("no progress: %s", error, extra={"namespace": key[0], "run": key[1], "stage": stage})
            return
        told = parse.progress(text)
        if told is not None and self._heard.put(run, stage, told):
            self._queue.add(key)
