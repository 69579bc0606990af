"""What every pass over an object has in common, whatever its kind."""

import asyncio
from collections.abc import Awaitable
from typing import Any

from thinksafe_operator import metrics
from thinksafe_operator.refusal import ApiError

PASS_SECONDS = 120.0
# What the API server says to an object that it will say again to the same object: its owner must be told.
REFUSED = (400, 403, 413, 422)
_AGAIN_SECONDS = 0.2


async def measured(work: Awaitable[float | None]) -> float | None:
    """Do one pass within its time, count how it ended, and come back soon where the object changed meanwhile."""
    result = "error"
    try:
        with metrics.RECONCILE_SECONDS.time():
            async with asyncio.timeout(PASS_SECONDS):
                after = await work
        result = "done"
        return after
    except ApiError as error:
        result = "retry"
        if error.status == 409:  # the object changed while we looked at it
            result = "conflict"
            return _AGAIN_SECONDS
        raise
    finally:
        metrics.RECONCILES.labels(result).inc()


def as_stored(value: Any) -> Any:
    """The status as the API server stores it: a field that is null, or a map without a key, is not there. Pure.

    Server-side apply makes null of a map that loses its last key, and the schema then refuses the whole status.
    """
    if isinstance(value, dict):
        kept = {k: as_stored(v) for k, v in value.items()}
        return {k: v for k, v in kept.items() if v is not None and v != {}}
    return [as_stored(v) for v in value] if isinstance(value, list | tuple) else value
