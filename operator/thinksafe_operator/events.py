"""Kubernetes events of a run: told after the status was written, each once however often it is tried."""

import asyncio
import hashlib
import logging
import socket
from collections.abc import Iterable
from datetime import UTC, datetime

from thinksafe_operator import metrics
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import FIELD_MANAGER
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import EVENTS
from thinksafe_operator.state import Event

log = logging.getLogger(__name__)
_NOTE = 1000  # characters; the API takes 1024 bytes
_TRIES = 3


def event_object(raw_run: dict, number: int, event: Event, now: float) -> dict:
    """The event as an object. Pure. Its name is a function of the run as it was read: a repeat is the same object.

    `number` tells apart the events of one pass.
    """
    meta = raw_run["metadata"]
    told = f"{meta['uid']} {meta['resourceVersion']} {number} {event.reason}"
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name']}.{hashlib.sha256(told.encode()).hexdigest()[:16]}",
            "namespace": meta["namespace"],
        },
        "eventTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": event.type,
        "reason": event.reason,
        "action": "Reconcile",
        "note": event.message.encode()[:_NOTE].decode(errors="ignore"),
        "reportingController": f"thinksafe.dev/{FIELD_MANAGER}",
        "reportingInstance": socket.gethostname()[:128],
        "regarding": {
            "apiVersion": raw_run["apiVersion"],
            "kind": raw_run["kind"],
            "name": meta["name"],
            "namespace": meta["namespace"],
            "uid": meta["uid"],
        },
    }


Told = tuple[dict, tuple[Event, ...]]  # an object as it was read, and what happened to it


async def tell_all(kube: Kube, told: Iterable[Told], now: float) -> bool:
    """Write all events of a pass. False if the namespace is being deleted and takes nothing any more."""
    return all([await tell(kube, read, happened, now) for read, happened in told])


async def tell(kube: Kube, raw_run: dict, events: tuple[Event, ...], now: float) -> bool:
    """Write the events. One that cannot be written is counted and lost: it never holds up the run.

    False if the namespace is being deleted and takes nothing any more.
    """
    taken = [await _tell(kube, event_object(raw_run, number, event, now)) for number, event in enumerate(events)]
    return all(taken)


async def _tell(kube: Kube, event: dict) -> bool:
    for attempt in range(_TRIES):
        try:
            await kube.create(EVENTS, event["metadata"]["namespace"], event)
            return True
        except ApiError as error:
            if error.reason == "AlreadyExists":
                return True
            if not error.passing or attempt == _TRIES - 1:
                metrics.EVENTS_LOST.inc()
                log.warning("an event is lost: %s", error)
                return "is being terminated" not in error.message
            await asyncio.sleep(0.2 * 2**attempt)
    return True
