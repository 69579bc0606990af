"""All parts of the operator but kopf, put together and kept going."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from prometheus_client import REGISTRY

from thinksafe_operator import metrics
from thinksafe_operator.census import Census
from thinksafe_operator.children import Cache, Jobs, Pods, Workloads
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.experiments.engine import Experiments, Told
from thinksafe_operator.health import SILENCE_SECONDS, Echo, Health
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_KUEUE_JOB_UID, LABEL_MANAGED_BY, MANAGED_BY
from thinksafe_operator.observe import Observer
from thinksafe_operator.progress import Heard, Poller
from thinksafe_operator.queue import Queue
from thinksafe_operator.reconcile import Children, Decide, Reconciler
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import CORE_EVENTS, JOBS, PODS, RUNS, Resource
from thinksafe_operator.settings import Settings
from thinksafe_operator.watch import Watch

log = logging.getLogger(__name__)
WORKERS = 32  # a pass mostly waits for the API server
RESYNC_SECONDS = 300.0
KUEUE_SECONDS = 30.0  # between looks for a Kueue that may be installed later
_SPREAD_SECONDS = 60.0  # over which a resync spreads its runs
_OURS = f"{LABEL_MANAGED_BY}={MANAGED_BY}"
_KUEUE = "kueue.x-k8s.io"


class Engine:
    """`silence`: seconds for which a watch may be silent before the operator counts as deaf."""

    def __init__(
        self, kube: Kube, settings: Settings, decide: Decide, children: Children, *, silence: float = SILENCE_SECONDS
    ) -> None:
        self._kube, self._silence = kube, silence
        self._namespaces: Iterable[str | None] = settings.namespaces or (None,)
        self._queue, self._echo, self._heard = Queue(), Echo(), Heard()
        self._jobs = Jobs(self._queue)
        self._pods = Pods(self._queue, self._jobs)
        self._workloads = Workloads(self._queue, self._jobs)
        self._watches: list[Watch] = []
        self._of_jobs, self._of_pods = Complaints(self._queue, self._jobs), Complaints(self._queue, self._pods)
        self._observe = Observer(
            kube, self._jobs, self._pods, self._workloads, self._heard, self._of_jobs, self._of_pods
        )
        self._reconcile = Reconciler(
            kube, self._observe, decide, children, settings, queue=self._queue, echo=self._echo
        )
        self._census = Census(
            kube, RUNS, self._namespaces, queue=self._queue, echo=self._echo, phases=self._reconcile.phases
        )
        self.experiments = Experiments(
            kube, settings, self._namespaces, complaints=self._of_jobs, kueue=lambda: self._observe.kueue
        )
        self._live = metrics.Live(
            phases=self._reconcile.phases.values,
            experiments=self.experiments.phases,
            depth=lambda: len(self._queue),
            oldest=self._queue.longest_wait,
            silence=self.silences,
        )
        self.health = Health(self._queue, self.silences, silence=silence)

    def run_seen(self, raw: Mapping[str, Any], deleted: bool) -> None:
        """kopf's watch told of a run."""
        meta = raw["metadata"]
        key = (meta["namespace"], meta["name"])
        if deleted or not self._echo.told(key, meta["resourceVersion"]):
            self._queue.add(key)
        self.experiments.child_seen(raw)

    def silences(self) -> dict[str, float]:
        """Seconds since each watch was last heard of; of several namespaces the longest."""
        silent = {RUNS.plural: self._echo.silence(), **self.experiments.silences()}
        for watch in self._watches:
            silent[watch.name] = max(silent.get(watch.name, 0.0), watch.silence())
        return silent

    async def start(self) -> None:
        """Returns when the caches are full and the workers at work. Raises ApiError if the runs cannot be listed."""
        REGISTRY.register(self._live)
        # Pods after Jobs: of which Job a pod is decides whether it is kept.
        await self._listed(JOBS, Told(self._jobs, self.experiments), labels=_OURS)
        await self._listed(PODS, self._pods, labels=_OURS)
        await self._listed(CORE_EVENTS, self._of_jobs, fields="type=Warning,involvedObject.kind=Job")
        await self._listed(CORE_EVENTS, self._of_pods, fields="type=Warning,involvedObject.kind=Pod")
        await self._kueue()
        await self._census.take(spread=0.0)
        await self.experiments.start(self._spawn)
        for number in range(WORKERS):
            self._spawn(f"worker {number}", self._queue.work(self._reconcile))
        self._spawn("resync", self._resync_forever())
        self._spawn("search for Kueue", self._find_kueue())
        self._spawn("progress", Poller(self._kube, self._pods, self._heard, self._queue).run())
        self.health.ready = True
        log.info("the operator is at work")

    async def stop(self) -> None:
        """End everything at once: whatever was half done is done by the next operator."""
        self.health.ready = False
        for task in self.health.tasks:
            task.cancel()
        await asyncio.gather(*self.health.tasks, return_exceptions=True)
        REGISTRY.unregister(self._live)

    def _spawn(self, name: str, work: Coroutine) -> None:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_tell_end)
        self.health.tasks.append(task)

    async def _listed(self, resource: Resource, cache: Cache, **selectors: str) -> None:
        """Watch, everywhere; returns when all that is there already is known."""
        watches = [self._watch(resource, namespace, cache, **selectors) for namespace in self._namespaces]
        await asyncio.gather(*[watch.listed.wait() for watch in watches])

    def _watch(self, resource: Resource, namespace: str | None, cache: Cache, **selectors: str) -> Watch:
        # Renewed twice in the time that it may be silent, so that one lost answer is no alarm.
        watch = Watch(self._kube, resource, namespace, cache, seconds=self._silence / 3, **selectors)
        self._watches.append(watch)
        self._spawn(f"watch of {resource.plural} in {namespace or 'all namespaces'}", watch.run())
        return watch

    async def _kueue(self) -> None:
        """Watch Workloads from the moment that the cluster has them. Not waited for: an observer asks if need be."""
        if self._observe.kueue is None and (version := await self._kube.version_of(_KUEUE)):
            self._observe.kueue = Resource(_KUEUE, version, "workloads")
            for namespace in self._namespaces:
                self._watch(self._observe.kueue, namespace, self._workloads, labels=LABEL_KUEUE_JOB_UID)

    async def _find_kueue(self) -> None:
        """Also where it comes later, a run with a queue is told within a minute why it waits."""
        while True:
            await asyncio.sleep(KUEUE_SECONDS)
            try:
                await self._kueue()
            except ApiError as error:
                log.warning("Kueue is looked for again: %s", error)

    async def _resync_forever(self) -> None:
        while True:
            await asyncio.sleep(RESYNC_SECONDS)
            try:
                self._workloads.prune()
                await self._census.take(spread=_SPREAD_SECONDS)
                await self.experiments.look_at_all(spread=_SPREAD_SECONDS)
            except ApiError as error:
                log.warning("the resync is tried again: %s", error)


def _tell_end(task: asyncio.Task) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("%s has ended", task.get_name(), exc_info=task.exception())
