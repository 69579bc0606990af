"""The safety net: a look at every object of one kind, which notices what kopf's watch did not tell."""

from collections.abc import Iterable, Mapping

from thinksafe_operator.health import Echo
from thinksafe_operator.kube import Kube
from thinksafe_operator.queue import Key, Queue
from thinksafe_operator.resources import Resource

ENDED = ("Succeeded", "GateFailed", "Failed")


class Census:
    """`phases` holds the phase of every object that was looked at and is still there."""

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        namespaces: Iterable[str | None],
        *,
        queue: Queue,
        echo: Echo,
        phases: Mapping[Key, str],
    ) -> None:
        self._kube, self._resource, self._namespaces = kube, resource, namespaces
        self._queue, self._echo, self._phases = queue, echo, phases

    async def take(self, *, spread: float) -> None:
        """What has not ended is looked at within `spread` seconds. Raises ApiError if it cannot be listed."""
        known, keys = set(self._phases), []
        for namespace in self._namespaces:
            async for page, _ in self._kube.pages(self._resource, namespace, metadata_only=True):
                keys += [self._met(item["metadata"]) for item in page]
        gone = known - set(keys)
        due = [k for k in keys if self._phases.get(k) not in ENDED]
        for number, key in enumerate([*gone, *due]):
            self._queue.add_later(key, spread * number / (len(gone) + len(due)))

    def _met(self, meta: dict) -> Key:
        key = (meta["namespace"], meta["name"])
        if not self._echo.knows(key, meta["resourceVersion"]):
            self._echo.expect(key, meta["resourceVersion"])
            self._queue.add(key)
        return key
