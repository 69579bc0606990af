"""One list-and-watch of one kind of object, kept going for ever: what a cache needs to be nearly true.

It starts with a list, page by page, and goes on with a watch from the list's version; when a watch ends it resumes
from the last version heard, bookmarks included. After a gap too long for that (410) it lists again, and what the list
no longer has is dropped: nothing that vanished during a gap stays in the cache.
"""

import asyncio
import logging

from thinksafe_operator.children import Cache
from thinksafe_operator.kube import Kube
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import Resource

log = logging.getLogger(__name__)
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0


class Watch:
    """`seconds` is how long one watch lasts before it is renewed: the longest time in which nothing may be heard."""

    def __init__(
        self,
        kube: Kube,
        resource: Resource,
        namespace: str | None,
        cache: Cache,
        *,
        seconds: float,
        labels: str = "",
        fields: str = "",
    ) -> None:
        self._kube, self._resource, self._namespace = kube, resource, namespace
        self._cache, self._seconds = cache, seconds
        self._labels, self._fields = labels, fields
        self._version = ""
        self._heard = self._now()
        self.listed = asyncio.Event()

    @property
    def name(self) -> str:
        return self._resource.plural

    def silence(self) -> float:
        """Seconds since the API server was last heard of on this watch."""
        return self._now() - self._heard

    async def run(self) -> None:
        """For ever. What the API server refuses is tried again after a growing pause."""
        pause = _FIRST_PAUSE
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                pause = _FIRST_PAUSE
            except ApiError as error:
                if error.status == 410:
                    self._version = ""
                else:
                    log.warning("the watch of %s is tried again: %s", self.name, error)
                await asyncio.sleep(max(pause, error.retry_after or 0.0))
                pause = min(_LONGEST_PAUSE, pause * 2)

    async def _list(self) -> None:
        uids: set[str] = set()
        version = ""
        pages = self._kube.pages(self._resource, self._namespace, labels=self._labels, fields=self._fields)
        async for items, listed in pages:
            self._heard, version = self._now(), listed
            for raw in items:
                uids.add(raw["metadata"]["uid"])
                self._cache.put(raw)
        self._cache.keep(uids, self._namespace)
        self._version = version
        self.listed.set()

    async def _watch(self) -> None:
        events = self._kube.watch(
            self._resource,
            self._namespace,
            since=self._version,
            seconds=self._seconds,
            labels=self._labels,
            fields=self._fields,
        )
        async for event in events:
            self._heard = self._now()
            raw = event["object"]
            self._version = raw["metadata"]["resourceVersion"]
            if event["type"] in ("ADDED", "MODIFIED"):
                self._cache.put(raw)
            elif event["type"] == "DELETED":
                self._cache.drop(raw)
        self._heard = self._now()  # the server ended the stream as agreed

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
