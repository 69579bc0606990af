"""How far the work on an artifact is, told to everyone through the store while it goes on.

Every attempt of every worker has its own small JSON object under `work/progress/`; whoever wants to know adds
them up. It is told by a thread of its own: a store that is slow or down never holds up the work, nor ends it.
"""

import contextlib
import json
import logging
import re
import threading
import time
from dataclasses import dataclass
from typing import Self

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import Missing
from thinksafe.errors import ThinkSafeError

log = logging.getLogger(__name__)
_EVERY_SECONDS = 2.0
_FLUSH_SECONDS = 5.0


@dataclass(frozen=True)
class Seen:
    """All workers and attempts together. `rows` of `total` are done; seconds and tokens are sums.

    `updated` is the Unix time at which something was last heard, 0 if never; `workers` counts attempts.
    """

    rows: int = 0
    total: int = 0
    chunks: int = 0
    tokens: int = 0
    seconds: float = 0.0
    device_seconds: float = 0.0
    updated: float = 0.0
    phase: str = ""
    workers: int = 0


class Progress:
    """Counts the work of one attempt of one worker on one artifact. `worker` is a name no other attempt has.

    `total` is the artifact's number of rows, not the worker's share. `device`: how many devices are held meanwhile.
    """

    def __init__(self, artifact: Artifact, worker: str, *, total: int = 0, device: int = 0) -> None:
        self._artifact, self._device = artifact, device
        self._key = f"{artifact.work}/progress/{re.sub(r'[^A-Za-z0-9._-]', '-', worker)}.json"
        self._counted = {"rows": 0, "chunks": 0, "tokens": 0}
        self._reached = {"rows": 0, "tokens": 0}
        self._total, self._phase, self._started, self._began = total, "", time.time(), time.monotonic()
        self._changed, self._wanted, self._written, self._closed = threading.Condition(), 1, 0, False
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self._thread.start()

    def add(self, rows: int = 0, chunks: int = 0, tokens: int = 0) -> None:
        """Count work that this attempt did. With `chunks` it is in the store on return, if the store answers."""
        with self._changed:
            self._counted["rows"] += rows
            self._counted["chunks"] += chunks
            self._counted["tokens"] += tokens
            self._wanted += 1
        if chunks:
            self.flush()

    def set(self, rows: int, total: int, tokens: int = 0) -> None:
        """Say how far the artifact as a whole is, counting what earlier attempts did (a resumed training)."""
        with self._changed:
            self._reached = {"rows": rows, "tokens": tokens}
            self._total = total
            self._wanted += 1
        if rows == total:
            self.flush()

    def phase(self, name: str) -> None:
        """Say in a word what is being done ("loading", ...)."""
        with self._changed:
            self._phase = name
            self._wanted += 1

    def flush(self, seconds: float = _FLUSH_SECONDS) -> None:
        """Wait until what was counted is in the store, but not longer than so many seconds."""
        with self._changed:
            self._hurry = wanted = self._wanted
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._written >= wanted, timeout=seconds)

    def close(self) -> None:
        """Tell the last state and stop telling. Never raises."""
        with self._changed:
            self._wanted += 1
            self._closed = True
            self._changed.notify_all()
        self._thread.join(_FLUSH_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- the thread -------------------------------------------------------------------------------------------------

    _hurry = 1  # the state that someone waits for; 1: the first is told at once

    def _tell(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._hurry > self._written, timeout=_EVERY_SECONDS)
                closed, state, document = self._closed, self._wanted, self._document()
            if state > self._written:
                self._put(document)
            with self._changed:
                self._written = state
                self._changed.notify_all()
            if closed:
                return

    def _document(self) -> dict:
        seconds = time.monotonic() - self._began
        return {
            **self._counted,
            "reached": self._reached,
            "total": self._total,
            "phase": self._phase,
            "seconds": round(seconds, 3),
            "device_seconds": round(seconds * self._device, 3),
            "started": round(self._started, 3),
            "updated": round(time.time(), 3),
        }

    def _put(self, document: dict) -> None:
        try:
            self._artifact.store.put(self._key, json.dumps(document, sort_keys=True).encode())
        except Exception as error:  # whatever it is, it must not end the work
            log.warning("progress is not told: %s", error.line() if isinstance(error, ThinkSafeError) else repr(error))


def read_progress(artifact: Artifact) -> Seen:
    """What all workers and attempts told so far, added up."""
    return added(read_told(artifact))


def read_told(artifact: Artifact) -> list[dict]:
    """What each attempt of each worker told last."""
    told = []
    for key in artifact.store.list(f"{artifact.work}/progress/"):
        with contextlib.suppress(Missing, ValueError):
            told.append(json.loads(artifact.store.get(key)))
    return told


def added(told: list[dict]) -> Seen:
    """Pure: several attempts' documents as one. A row is counted at most once, even if two workers did it."""
    if not told:
        return Seen()
    latest, total = max(told, key=lambda d: d["updated"]), max(d["total"] for d in told)
    rows = sum(d["rows"] for d in told) + max(d["reached"]["rows"] for d in told)
    return Seen(
        rows=min(rows, total) if total else rows,
        total=total,
        chunks=sum(d["chunks"] for d in told),
        tokens=sum(d["tokens"] for d in told) + max(d["reached"]["tokens"] for d in told),
        seconds=sum(d["seconds"] for d in told),
        device_seconds=sum(d["device_seconds"] for d in told),
        updated=latest["updated"],
        phase=latest["phase"],
        workers=len(told),
    )
