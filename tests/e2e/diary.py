"""What runs said, and when they said it first: many faults can then be waited for at the same time."""

import json
import threading
import time
from collections.abc import Callable

from cluster.access import ClusterAccess

Key = tuple[str, str]  # namespace and name of a run
POLL_SECONDS = 1.0


class Diary:
    """Looks at every run of the cluster once a second. Use it as a context."""

    def __init__(self, cluster: ClusterAccess) -> None:
        self._cluster = cluster
        self._pages: dict[Key, list[tuple[float, dict]]] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write, name="diary", daemon=True)

    def __enter__(self) -> "Diary":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def statuses(self, key: Key) -> list[tuple[float, dict]]:
        """Each new status of the run with the Unix time at which it was seen first."""
        return list(self._pages.get(key, ()))

    def first(self, key: Key, holds: Callable[[dict], bool], what: str, seconds: float) -> tuple[float, dict]:
        """The first status of which `holds` is true, and when it was seen; waits for it if need be.

        AssertionError, with what the run said instead, if it does not come.
        """
        end = time.monotonic() + seconds
        while True:
            seen = self.statuses(key)
            found = next(((at, status) for at, status in seen if holds(status)), None)
            if found:
                return found
            if time.monotonic() > end:
                raise AssertionError(f"{key[1]} is not {what} after {seconds:.0f} s: {_said(seen)}")
            time.sleep(0.2)

    def _write(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            try:
                runs = json.loads(self._cluster.kubectl("get", "thinksaferuns", "-A", "-o", "json"))["items"]
            except RuntimeError:  # an API server that is busy is asked again
                continue
            for run in runs:
                pages = self._pages.setdefault((run["metadata"]["namespace"], run["metadata"]["name"]), [])
                status = run.get("status", {})
                if not pages or pages[-1][1] != status:
                    pages.append((time.time(), status))


def condition(status: dict, kind: str) -> dict:
    return next((c for c in status.get("conditions", []) if c["type"] == kind), {})


def _said(seen: list[tuple[float, dict]]) -> str:
    told = [f"{s.get('phase')}/{condition(s, 'Ready').get('reason')}: {s.get('message')}" for _, s in seen]
    return " | ".join(dict.fromkeys(told))[-2500:] or "nothing"
