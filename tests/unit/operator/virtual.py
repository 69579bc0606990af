"""An event loop whose time passes only when nobody has anything to do: hours in a moment, to the microsecond."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class _Selector(selectors.DefaultSelector):
    """Never waits: it moves the loop's clock instead."""

    loop: "_Loop"

    def select(self, timeout: float | None = None) -> list:
        ready = super().select(0)
        if not ready and timeout:
            self.loop.passed += timeout
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        selector = _Selector()
        super().__init__(selector)
        self.passed, selector.loop = 0.0, self

    def time(self) -> float:
        return self.passed


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run the coroutine in virtual time. It must end; what it leaves running is cancelled."""
    with asyncio.Runner(loop_factory=_Loop) as runner:
        runner.run(test)


def now() -> float:
    return asyncio.get_running_loop().time()
