"""Whether the operator is alive: not "the process is up" but "it hears, and it works".

A watch whose other side vanished looks like a quiet one. So every watch of ours is renewed before it may be silent
for too long; and kopf's watch of runs, which cannot be asked, must bring back every change that we know of.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from prometheus_client import REGISTRY
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from thinksafe_operator.queue import Key, Queue

SILENCE_SECONDS = 180.0
QUEUE_SECONDS = 600.0


class Echo:
    """Changes of runs that we know of and that kopf's watch has not told yet.

    `version` is a resourceVersion. Those of one resource are numbers that grow.
    """

    def __init__(self) -> None:
        self._told: dict[Key, int] = {}
        self._expected: dict[Key, tuple[int, float]] = {}

    def expect(self, key: Key, version: str) -> None:
        """The watch must tell of this version of the run, or of a later one."""
        number = int(version)
        if self._told.get(key, 0) < number:
            _, since = self._expected.get(key, (0, self._now()))
            self._expected[key] = (number, since)

    def told(self, key: Key, version: str) -> bool:
        """The watch told of this version. Whether it is the very one that was expected: our own write come back."""
        number = self._told[key] = max(int(version), self._told.get(key, 0))
        expected, _ = self._expected.get(key, (number + 1, 0.0))
        if expected <= number:
            del self._expected[key]
        return expected == number

    def knows(self, key: Key, version: str) -> bool:
        """Whether the watch has told of this version."""
        return self._told.get(key, 0) >= int(version)

    def forget(self, key: Key) -> None:
        self._told.pop(key, None)
        self._expected.pop(key, None)

    def silence(self) -> float:
        """Seconds that the oldest change has been waited for."""
        return self._now() - min(since for _, since in self._expected.values()) if self._expected else 0.0

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


class Health:
    """Asks everything that can be silently broken. `silences`: seconds since each watch was heard of, by its name."""

    def __init__(
        self,
        queue: Queue,
        silences: Callable[[], dict[str, float]],
        *,
        silence: float = SILENCE_SECONDS,
        queued: float = QUEUE_SECONDS,
    ) -> None:
        self._queue, self._silences, self._silence, self._queued = queue, silences, silence, queued
        self.tasks: list[asyncio.Task] = []
        self.ready = False

    def problems(self) -> list[str]:
        """Why the process should be started anew; empty if it should not."""
        deaf = [f"nothing heard of {n} for {s:.0f} s" for n, s in self._silences().items() if s > self._silence]
        ended = [f"{task.get_name()} has ended" for task in self.tasks if task.done()]
        waited = self._queue.longest_wait()
        return deaf + ended + ([f"a run has waited for {waited:.0f} s"] if waited > self._queued else [])


async def serve(health: Health, port: int) -> web.AppRunner:
    """/healthz, /readyz and /metrics on all addresses. The caller cleans the runner up."""

    async def healthz(_: web.Request) -> web.Response:
        problems = health.problems()
        return web.Response(status=500 if problems else 200, text="; ".join(problems) or "ok")

    async def readyz(_: web.Request) -> web.Response:
        return web.Response(status=200 if health.ready else 503, text="ok" if health.ready else "not yet")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=port).start()
    return runner
