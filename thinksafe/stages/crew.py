"""The processes of one step: started, watched, ended together; one set of last words comes out."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from thinksafe.errors import Interrupted, SettingsError, TemporaryError, ThinkSafeError
from thinksafe.stages import forking, processes, step, words
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.faults import memory_hint

POLL_SECONDS = 0.1
BURY_SECONDS = 2.0
# How long a step may take to end after SIGTERM. Training writes a checkpoint first: only the caller limits that.
STOP_SECONDS = 5.0
# How long the others of a group may take to end, and to say why, once one has failed.
GROUP_SECONDS = 10.0


def _start(task: Assignment, env: dict[str, str], into: int) -> subprocess.Popen | forking.Forked:
    """A process of its own for the step, which tells its last words into that file descriptor."""
    if forking.possible(env):
        return forking.Forked(f"step:{task.step or task.stage}", partial(step.do, task, into, os.getpid()), env)
    command = [sys.executable, "-m", "thinksafe.stages.step", task.to_json(), str(into), str(os.getpid())]
    return subprocess.Popen(command, env=env, pass_fds=(into,), stdin=subprocess.DEVNULL)


class Child:
    """A process that does a step, and the pipe on which it tells its last words."""

    def __init__(self, task: Assignment, env: dict[str, str]) -> None:
        self._task, self._kills = task, memory_kills()
        # A pipe, not a file: it works also when a full disk is what the step has to tell of.
        self._pipe, into = os.pipe()
        try:
            self.process = _start(task, env, into)
        finally:
            os.close(into)
        os.set_blocking(self._pipe, False)
        self.ended_by_us = False

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """End it; what it says of its end does not count as a failure of its own."""
        if self.alive:
            self.ended_by_us = True
            self.process.kill()

    def last_words(self) -> words.Words:
        """What it told; if it told nothing, what its end says. Call it once, after the end."""
        told = b""
        with contextlib.suppress(BlockingIOError):  # a stray grandchild may still hold the other end
            while part := os.read(self._pipe, 1 << 16):
                told += part
        os.close(self._pipe)
        with contextlib.suppress(ValueError):
            return json.loads(told)
        short = memory_kills() > self._kills
        return words.of_error(_killed(self.process.poll() or 0, memory_hint(self._task) if short else ""))


class Crew:
    """One process for each environment, all on the same step."""

    def __init__(self, task: Assignment, environments: Sequence[dict[str, str]]) -> None:
        self._task = task
        self._children = [Child(task, env) for env in environments]
        self._ended: list[Child] = []  # in the order of their ends: the first to fail is the cause

    def watch(self, stop: Callable[[], bool], broken: Callable[[], str] = lambda: "") -> words.Words:
        """Wait for the end of all; returns the last words of the step.

        `stop` says whether they are asked to end, `broken` why the rest of the group is lost, "" if it is not.
        """
        asked = failed = None
        buried = time.monotonic()
        while len(self._ended) < len(self._children):
            time.sleep(POLL_SECONDS)
            now = time.monotonic()
            self._ended += [c for c in self._children if c not in self._ended and not c.alive]
            if asked is None and stop():
                asked = now
                self._each(lambda child: child.process.terminate())
            if failed is None and (broken() or any(c.process.returncode for c in self._ended)):
                failed = now
            if (failed and now - failed > GROUP_SECONDS) or (asked and self._overdue(now - asked)):
                self._each(lambda child: child.kill())
            if now - buried > BURY_SECONDS:
                buried = now
                processes.bury_orphans({c.process.pid for c in self._children})
        processes.end_all()
        return self._words(stop(), broken())

    def _each(self, do: Callable[[Child], None]) -> None:
        for child in self._children:
            if child.alive:
                do(child)

    def _overdue(self, seconds: float) -> bool:
        trains = self._task.base == "train" and not self._task.step
        return not trains and seconds > STOP_SECONDS

    def _words(self, stopped: bool, broken: str) -> words.Words:
        """Those of process 0 if all is well, else of the first that failed by itself."""
        said = {id(c): c.last_words() for c in self._children}
        failures = [said[id(c)] for c in self._ended if said[id(c)]["code"] and not c.ended_by_us]
        if not failures and not broken and not any(c.ended_by_us for c in self._ended):
            return said[id(self._children[0])]
        own = [w for w in failures if w["reason"] != "GroupBroken"]
        if stopped and not any(w["code"] == Interrupted.code for w in own):
            return words.of_error(
                Interrupted("asked to stop", hint="What is committed stays; start again to continue")
            )
        if own or not broken:
            return (own or failures)[0]
        return words.of_error(
            TemporaryError(broken, reason="GroupBroken", hint="Start again; it goes on from the last checkpoint")
        )


def _killed(code: int, memory: str) -> ThinkSafeError:
    """The error of a process that ended without a word. `memory` is what to do if the kernel killed it for that.

    `code` is negative for a signal, as subprocess has it.
    """
    if code == -signal.SIGTERM:
        return Interrupted("was stopped", hint="What is committed stays; start again to continue")
    if code == -signal.SIGKILL and memory:
        return SettingsError("the pod's memory ran out", reason="OutOfMemory", hint=memory)
    if code == -signal.SIGKILL:
        return TemporaryError("the working process was killed", reason="WorkerKilled", hint="Start again to continue")
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    crash = ThinkSafeError(f"the working process ended {how}", reason="WorkerCrashed", hint="See the worker's log")
    crash.code = 1
    return crash


def memory_kills() -> int:
    """How many processes of this container the kernel has killed for want of memory (cgroup v2, then v1)."""
    for place in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        with contextlib.suppress(OSError, ValueError, StopIteration):
            lines = Path(place).read_text().splitlines()
            return int(next(line.split()[1] for line in lines if line.startswith("oom_kill ")))
    return 0
