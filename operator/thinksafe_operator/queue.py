"""A work queue of keys: each at most once in line, at most one at work per key, and none that is lost.

A key added while it is at work is done again afterwards. One that failed comes back after a pause that doubles, with
jitter, so that a thousand runs do not knock at one moment. All in one event loop, so plain dicts are enough.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol

Key = tuple[str, str]  # namespace, name
log = logging.getLogger(__name__)


class Handler(Protocol):
    """Does the work of one key; returns the seconds after which it wants to be called again anyway, if any."""

    def __call__(self, key: Key, /) -> Awaitable[float | None]: ...


class Queue:
    """`what`: the kind of the keys, for the log.

    `first_pause` doubles up to `longest_pause` (seconds) with each failure in a row; `jitter` is a share of it.
    """

    def __init__(
        self,
        *,
        what: str = "run",
        first_pause: float = 0.5,
        longest_pause: float = 300.0,
        jitter: float = 0.2,
        dice: Callable[[], float] = random.random,
    ) -> None:
        self._what = what
        self._first, self._longest, self._jitter, self._dice = first_pause, longest_pause, jitter, dice
        self._line: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: dict[Key, float] = {}  # since when; a dict keeps the order
        self._working: dict[Key, float] = {}
        self._again: set[Key] = set()
        self._later: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        """Let the key be worked on soon."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting[key] = self._now()
            self._line.put_nowait(key)

    def add_later(self, key: Key, seconds: float) -> None:
        """Let the key be worked on in so many seconds; an earlier appointment stays, a later one gives way."""
        due = self._now() + seconds
        if (old := self._later.get(key)) is not None:
            if old.when() <= due:
                return
            old.cancel()
        self._later[key] = asyncio.get_running_loop().call_at(due, self._due, key)

    def forget(self, key: Key) -> None:
        """The key is of no more interest: no appointment, no memory of failures."""
        self._failures.pop(key, None)
        if (timer := self._later.pop(key, None)) is not None:
            timer.cancel()

    async def work(self, handler: Handler) -> None:
        """One worker, for ever: an error of the handler's costs a pause of that key, never the worker."""
        while True:
            key = await self._line.get()
            self._working[key] = self._now()
            del self._waiting[key]
            # This pass decides anew when to look again.
            if (timer := self._later.pop(key, None)) is not None:
                timer.cancel()
            try:
                after = await handler(key)
            except Exception as error:
                self._failed(key, error)
            else:
                self._failures.pop(key, None)
                if after is not None:
                    self.add_later(key, after)
            finally:
                del self._working[key]
                if key in self._again:
                    self._again.discard(key)
                    self.add(key)

    def __len__(self) -> int:
        return len(self._waiting)

    def longest_wait(self) -> float:
        """Seconds that the first in line has waited."""
        return self._now() - next(iter(self._waiting.values())) if self._waiting else 0.0

    def longest_work(self) -> float:
        """Seconds that the longest call of the handler has taken so far."""
        return self._now() - min(self._working.values()) if self._working else 0.0

    def _failed(self, key: Key, error: Exception) -> None:
        count = self._failures[key] = self._failures.get(key, 0) + 1
        pause = min(self._longest, self._first * 2 ** min(count - 1, 30)) * (1 + self._jitter * self._dice())
        pause = max(pause, getattr(error, "retry_after", None) or 0.0)
        namespace, name = key
        log.warning(
            "the %s is tried again: %s",
            self._what,
            error,
            extra={"namespace": namespace, self._what: name, "pause": round(pause, 1)},
            # An answer of the API server explains itself; anything else is a bug of ours.
            exc_info=None if hasattr(error, "passing") else error,
        )
        self.add_later(key, pause)

    def _due(self, key: Key) -> None:
        self._later.pop(key, None)
        self.add(key)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
