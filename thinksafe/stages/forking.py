"""Processes that are forks: one machine's workers, and their steps where libraries are loaded (stages/nursery.py)."""

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import NoReturn

from thinksafe.stages import processes, telling

_loaded = False


def allow() -> None:
    """From now on the heavy libraries are here, in a state that may be forked, and with the hub out of reach."""
    global _loaded
    _loaded = True


def possible(env: Mapping[str, str]) -> bool:
    """Whether a step with this environment may be a fork: not one that brings something from the hub."""
    return _loaded and env.get("HF_HUB_OFFLINE") == "1"


class Forked:
    """A process that does `what` and nothing else, listed by that name. As subprocess.Popen has it."""

    def __init__(self, name: str, what: Callable[[], object], env: Mapping[str, str]) -> None:
        self.returncode: int | None = None
        with telling.AT_WORK:
            self.pid = os.fork()
        if self.pid == 0:
            _begin(name, what, env)

    def poll(self) -> int | None:
        """The exit code if it has ended, negative for a signal; else None."""
        if self.returncode is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self) -> int:
        """The same, once it has ended."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode

    def terminate(self) -> None:
        """Ask it to end."""
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self._send(signal.SIGKILL)

    def _send(self, sign: signal.Signals) -> None:
        if self.poll() is None:  # its id is its own until it is waited for
            os.kill(self.pid, sign)


def _begin(name: str, what: Callable[[], object], env: Mapping[str, str]) -> NoReturn:
    """What a new Python would have: that environment, no input, the usual signals."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        processes.be_called(name)
        os.environ.clear()
        os.environ.update(env)
        what()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)
