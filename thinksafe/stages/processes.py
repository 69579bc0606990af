"""Processes on Linux as a worker needs them: none outlives its parent, none is left over, no zombie stays.

In a pod the worker is process 1: orphans become its children, and nobody else ends or buries them. On a
machine without these calls (not Linux) the functions do nothing; then the operating system is trusted.
"""

import contextlib
import ctypes
import os
import signal
import time
from pathlib import Path

_SET_DEATH_SIGNAL, _SET_NAME, _SET_SUBREAPER = 1, 15, 36  # prctl(2)


def _prctl(option: int, value: int | bytes) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def be_called(name: str) -> None:
    """Be listed by that name (by ps, top): a fork has the command line of what it was forked from. 15 characters."""
    _prctl(_SET_NAME, name.encode())


def adopt_orphans() -> None:
    """Make this process the parent of its descendants whose own parent ends, as process 1 is anyhow."""
    _prctl(_SET_SUBREAPER, 1)


def die_with_parent(parent: int, sign: signal.Signals = signal.SIGKILL) -> None:
    """End this process, by that signal, when its parent, of that id, ends; at once if it has already."""
    _prctl(_SET_DEATH_SIGNAL, sign)
    if os.getppid() != parent:
        os._exit(128 + signal.SIGKILL)


def descendants() -> list[int]:
    """Every living or unburied process below this one, children before grandchildren."""
    below: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything, also a parenthesis.
            below.setdefault(int(place.read_text().rpartition(")")[2].split()[1]), []).append(int(place.parent.name))
    found, queue = list[int](), [os.getpid()]
    while queue:
        children = below.get(queue.pop(0), [])
        found += children
        queue += children
    return found


def bury_orphans(own: set[int]) -> None:
    """Take notice of ended children that are not among `own`, which others wait for."""
    for pid in descendants():
        if pid not in own:
            with contextlib.suppress(ChildProcessError, OSError):
                os.waitpid(pid, os.WNOHANG)


def end_all(patience: float = 5.0) -> None:
    """Kill every descendant and see it gone: an engine's process would hold the memory that the next step needs."""
    until = time.monotonic() + patience
    while (left := descendants()) and time.monotonic() < until:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
        bury_orphans(set())
