"""The experiments' part of the operator: their queue, their passes, and what wakes them.

It is not needed for runs. Where the second definition is not installed, or the operator has no rights to it (its chart
is of an older version), runs go on without it.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any

from thinksafe_operator.census import Census
from thinksafe_operator.children import Cache
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.experiments.observe import Observer
from thinksafe_operator.experiments.reconcile import Reconciler
from thinksafe_operator.health import Echo
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_EXPERIMENT
from thinksafe_operator.queue import Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import EXPERIMENTS, Resource
from thinksafe_operator.settings import Settings

log = logging.getLogger(__name__)
WORKERS = 4
GATHER_SECONDS = 1.0  # several runs tell of themselves at nearly the same moment: one look is enough
SEARCH_SECONDS = 60.0  # between looks for a definition that may be installed later


class Experiments:
    """`known`: the definition is there, and its objects may be listed."""

    def __init__(
        self,
        kube: Kube,
        settings: Settings,
        namespaces: Iterable[str | None],
        *,
        complaints: Complaints,
        kueue: Callable[[], Resource | None],
    ) -> None:
        self._queue, self._echo = Queue(what="experiment"), Echo()
        observe = Observer(kube, complaints, kueue)
        self._reconcile = Reconciler(kube, observe, settings, queue=self._queue, echo=self._echo)
        self._census = Census(
            kube, EXPERIMENTS, namespaces, queue=self._queue, echo=self._echo, phases=self._reconcile.phases
        )
        self.known = False

    async def start(self, spawn: Callable[[str, Coroutine], None]) -> None:
        """Be at work, or look for the definition. Raises ApiError if it is there and cannot be listed."""
        if not await self._listed():
            log.warning("ThinkSafeExperiments are not known here, or not to be listed: runs go on without them")
            # Its end is what the health check tells of: kopf looks only at the start for what there is to watch.
            spawn("the work without ThinkSafeExperiments, whose definition has come since,", self._search())
            return
        self.known = True
        for number in range(WORKERS):
            spawn(f"worker {number} of experiments", self._queue.work(self._reconcile))

    async def look_at_all(self, *, spread: float) -> None:
        """The safety net."""
        if self.known:
            await self._census.take(spread=spread)

    def seen(self, raw: Mapping[str, Any], deleted: bool) -> None:
        """kopf's watch told of an experiment."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        if deleted or not self._echo.told(key, meta["resourceVersion"]):
            self._queue.add(key)

    def child_seen(self, raw: Mapping[str, Any]) -> None:
        """A watch told of a run or a Job: if it is an experiment's, that is looked at soon."""
        name = (raw["metadata"].get("labels") or {}).get(LABEL_EXPERIMENT)
        if name and self.known:
            self._queue.add_later((raw["metadata"]["namespace"], name), GATHER_SECONDS)

    def phases(self) -> Iterable[str]:
        return self._reconcile.phases.values()

    def silences(self) -> dict[str, float]:
        """Seconds since a change was waited for that kopf's watch must bring back."""
        return {EXPERIMENTS.plural: self._echo.silence()} if self.known else {}

    async def _listed(self) -> bool:
        try:
            await self._census.take(spread=0.0)
        except ApiError as error:
            if error.status in (403, 404):
                return False
            raise
        return True

    async def _search(self) -> None:
        while True:
            await asyncio.sleep(SEARCH_SECONDS)
            try:
                if await self._listed():
                    log.warning("ThinkSafeExperiments are known now: the operator has to be started anew")
                    return
            except ApiError as error:
                log.warning("ThinkSafeExperiments are looked for again: %s", error)


class Told:
    """A cache of Jobs that tells the experiments of theirs as well."""

    def __init__(self, cache: Cache, experiments: Experiments) -> None:
        self._cache, self._experiments = cache, experiments

    def put(self, raw: dict) -> None:
        self._cache.put(raw)
        self._experiments.child_seen(raw)

    def drop(self, raw: dict) -> None:
        self._cache.drop(raw)
        self._experiments.child_seen(raw)

    def keep(self, uids: set[str], namespace: str | None) -> None:
        self._cache.keep(uids, namespace)
