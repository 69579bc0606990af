"""Asking again: for how long, and after which pauses."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from thinksafe.errors import TemporaryError

log = logging.getLogger(__name__)
T = TypeVar("T")


class Again(Exception):
    """A fault that may pass. Its text says what happened, without any object's content."""


@dataclass(frozen=True)
class Patience:
    """How a failing server is borne with, all in seconds.

    `seconds`: for how long a request is repeated; `first` and `longest`: pauses between tries; `connect` and
    `reply`: how long one try may wait for a connection, and for the next bytes of a reply.
    """

    seconds: float = 240.0
    first: float = 0.2
    longest: float = 15.0
    connect: float = 10.0
    reply: float = 60.0

    def pauses(self, attempt: int) -> float:
        """The pause after so many failures (from 1): exponential, with full jitter against herds of workers."""
        ceiling = min(self.longest, self.first * 2.0 ** min(attempt - 1, 30))
        return random.uniform(ceiling / 2, ceiling)

    def insist(self, what: str, action: Callable[[bool], T]) -> T:
        """Call `action(repeated)` until it does not raise Again. Raises TemporaryError when the time is over.

        `repeated` is True from the second call on: an earlier one may have taken effect unheard.
        """
        started, attempt = time.monotonic(), 0
        while True:
            try:
                return action(attempt > 0)
            except Again as fault:
                attempt += 1
                pause, waited = self.pauses(attempt), time.monotonic() - started
                if waited + pause > self.seconds:
                    raise TemporaryError(
                        f"{what}: {fault}, still so after {attempt} tries in {waited:.0f} s",
                        reason="StoreUnavailable",
                        hint="What is committed stays; run it again once the store answers",
                    ) from fault
                level = logging.WARNING if pause > 1 else logging.INFO
                log.log(level, "%s: %s; asking again in %.1f s", what, fault, pause)
                time.sleep(pause)
