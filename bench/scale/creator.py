"""Who applies the objects: one client for both operators, never faster than a given rate."""

import asyncio
from collections.abc import Callable

from bench.scale.audit import NAME
from bench.scale.plane import NAMESPACE
from thinksafe_operator.kube import Kube
from thinksafe_operator.resources import Resource

AT_ONCE = 16


async def create(kube: Kube, resource: Resource, manifest: Callable[[str], dict], count: int, rate: float) -> None:
    """Make `count` objects, `rate` a second at most. Raises ApiError as soon as one is refused."""
    loop = asyncio.get_running_loop()
    start, free = loop.time(), asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with free:
            await kube.create(resource, NAMESPACE, manifest(NAME.format(number)))

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, start + number / rate - loop.time()))
            async with free:  # not ahead of the API server either
                pass
            group.create_task(one(number))


async def how_many(kube: Kube, resource: Resource) -> int:
    """Objects of this kind in the namespace, without reading them."""
    page = await kube._json("list", "GET", resource.path(NAMESPACE), params={"limit": "1"})
    return len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
