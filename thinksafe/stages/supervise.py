"""The worker as its caller sees it: a small process that starts the steps, and tells how they are and how they ended.

The work is in child processes (stages/step.py), so whatever happens to them - a native crash, no memory, an engine
that hangs - there are still last words. As process 1 of a container it takes SIGTERM, hands it on, ends what does
not end by itself, and buries what was left over.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from thinksafe.errors import Interrupted, TemporaryError, ThinkSafeError
from thinksafe.stages import processes, words
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.telling import Teller

POLL_SECONDS = 0.1
# How long a step may take to end after SIGTERM. Training writes a checkpoint first: only the caller limits that.
GRACE_SECONDS = 5.0


@dataclass
class Stop:
    """Whether this worker was asked to stop."""

    asked: bool = False


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """Take SIGTERM and Ctrl-C as a wish to stop. A process 1 without a handler would never get the signal."""
    stop = Stop()

    def ask(*_: object) -> None:
        if not stop.asked:  # whatever comes now, even SIGKILL, there are words
            words.note(words.fitted(words.of_error(Interrupted("was asked to stop and had not ended yet"))))
        stop.asked = True

    before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(task: Assignment) -> int:
    """Do a stage: each of its steps in turn. Returns the exit code, after the last words are told."""
    processes.adopt_orphans()
    with listening() as stop:
        teller, last = Teller(task), words.Words()
        for step in task.steps():
            last = _interrupted() if stop.asked else run_step(step, stop)
            if last["code"]:
                break
        teller.close()
        counts = {**teller.counts, **_dict(last.get("counts"))}
        return words.leave({"artifacts": {}, **last, "stage": task.stage, "counts": counts})


def run_step(task: Assignment, stop: Stop) -> words.Words:
    """Do one step in a process of its own; returns its last words."""
    child = Child.start(task, dict(os.environ))
    asked_at = None
    while child.process.poll() is None:
        time.sleep(POLL_SECONDS)
        processes.bury_orphans({child.process.pid})
        if stop.asked and asked_at is None:
            asked_at = time.monotonic()
            child.process.terminate()
        if asked_at and task.base != "train" and time.monotonic() - asked_at > GRACE_SECONDS:
            child.process.kill()
    processes.end_all()
    last = child.last_words()
    return _interrupted() if stop.asked and last["code"] not in (0, Interrupted.code) else last


@dataclass
class Child:
    """A process that does a step, and the pipe on which it tells its last words."""

    process: subprocess.Popen
    pipe: int
    task: Assignment = field(repr=False)

    @staticmethod
    def start(task: Assignment, env: dict[str, str]) -> "Child":
        """Start it. A pipe, not a file: it works also when a full disk is what the step has to tell of."""
        out, into = os.pipe()
        command = [sys.executable, "-m", "thinksafe.stages.step", task.to_json(), str(into), str(os.getpid())]
        try:
            process = subprocess.Popen(command, env=env, pass_fds=(into,), stdin=subprocess.DEVNULL)
        finally:
            os.close(into)
        os.set_blocking(out, False)
        return Child(process, out, task)

    def last_words(self) -> words.Words:
        """What it told; if it told nothing, what its end says. Call it once, after the end."""
        told = b""
        with contextlib.suppress(BlockingIOError):  # a stray grandchild may still hold the other end
            while part := os.read(self.pipe, 1 << 16):
                told += part
        os.close(self.pipe)
        with contextlib.suppress(ValueError):
            return json.loads(told)
        return words.of_error(killed(self.process.returncode))


def killed(code: int) -> ThinkSafeError:
    """The error of a process that ended without a word. `code` is negative for a signal, as subprocess has it."""
    if code == -signal.SIGTERM:
        return Interrupted("was stopped", hint="What is committed stays; start again to continue")
    if code == -signal.SIGKILL:
        return TemporaryError(
            "the working process was killed",
            reason="WorkerKilled",
            hint="If memory ran out, raise the stage's memory limit; what is committed stays",
        )
    how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    crash = ThinkSafeError(f"the working process ended {how}", reason="WorkerCrashed", hint="See the worker's log")
    crash.code = 1
    return crash


def _interrupted() -> words.Words:
    return words.of_error(Interrupted("asked to stop", hint="What is committed stays; start again to continue"))


def _dict(found: object) -> dict:
    return found if isinstance(found, dict) else {}
