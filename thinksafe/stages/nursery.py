"""Where the workers of one machine come from: a process that has the heavy libraries loaded, and forks.

A run on one machine is a dozen short processes, and loading vLLM and PyTorch takes each of them 10 s. Here they are
loaded once for all of a run or an experiment. It is a process of its own, because only one with a single thread forks
safely: `python -m thinksafe.stages.nursery warm|cold DESCRIPTOR PARENT`. A line of JSON on the socket asks it for a
worker; it answers with two lines, the worker's process id and, in the end, its exit code.

Python's own fork server (multiprocessing) lives on while one of its workers does; here whatever was started ends when
the command is killed.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NoReturn, Self

from thinksafe.loading import uncollected
from thinksafe.stages import forking, processes, supervise
from thinksafe.stages.assignment import Assignment

COLD, WARM = "cold", "warm"


class Worker:
    """A worker that was asked for. As of subprocess.Popen: `returncode` is None until it has ended, then its exit
    code, negative for a signal.
    """

    def __init__(self, process: subprocess.Popen[bytes], channel: socket.socket) -> None:
        self._process, self._channel, self._told = process, channel, b""
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code if it has ended, else None."""
        if self.returncode is None:
            heard = self._hear()
            told = self._told.splitlines()
            if len(told) > 1 and self._told.endswith(b"\n"):
                self.returncode = int(told[1])
            elif not heard:  # the process it came from is gone, and took it along
                self.returncode = self._process.wait() or 1
        return self.returncode

    def _hear(self) -> bool:
        """Take in what was told; False if nothing will ever come."""
        with contextlib.suppress(BlockingIOError):
            while part := self._channel.recv(1 << 12):
                self._told += part
            return False
        return True

    def end(self) -> None:
        """End it and what it started: first asked (training then writes a checkpoint), then made to."""
        for sign, patience in ((signal.SIGTERM, 30), (signal.SIGKILL, 5)):
            if self.poll() is not None:
                return
            self._send(sign)
            until = time.monotonic() + patience
            while self.poll() is None and time.monotonic() < until:
                time.sleep(0.05)

    def _send(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if told := self._told.splitlines():
                os.killpg(int(told[0]), sign)
            else:  # its libraries are still loading
                self._process.send_signal(sign)


class Nursery:
    """Starts workers, one after another; in a `with` block, after which none is left."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._warm = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, task: Assignment, log: Path, env: Mapping[str, str], *, heavy: bool) -> Worker:
        """Start a worker that prints into `log`. `heavy`: whether its steps need the heavy libraries.

        The last one must have ended.
        """
        process, channel = self._ready(log, heavy=heavy)
        request = {"task": task.to_json(), "log": str(log), "env": {**os.environ, **env}}
        channel.setblocking(True)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the worker's first poll tells of it
            channel.sendall(json.dumps(request).encode() + b"\n")
        channel.setblocking(False)
        return Worker(process, channel)

    def _ready(self, log: Path, *, heavy: bool) -> tuple[subprocess.Popen[bytes], socket.socket]:
        """The process: the one that is there, if it lives and has loaded what is needed."""
        if self._process and self._channel and self._process.poll() is None and (self._warm or not heavy):
            return self._process, self._channel
        self.close()
        channel, theirs = socket.socketpair()
        state = WARM if heavy else COLD
        command = [sys.executable, "-m", "thinksafe.stages.nursery", state, str(theirs.fileno()), str(os.getpid())]
        with log.open("ab") as out, theirs:
            process = subprocess.Popen(
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        self._process, self._channel, self._warm = process, channel, heavy
        return process, channel

    def close(self) -> None:
        """End the process; a worker that is still there is asked to stop by its death."""
        if self._channel and self._process:
            self._channel.close()
            self._process.terminate()
            self._process.wait()
        self._channel = self._process = None


# --- the process --------------------------------------------------------------------------------------------------


def main() -> None:
    """Fork a worker a line, until whoever asks is gone."""
    state, descriptor, parent = sys.argv[1:]
    processes.die_with_parent(int(parent), signal.SIGTERM)
    channel = socket.socket(fileno=int(descriptor))
    channel.set_inheritable(False)
    if state == WARM:
        _load()
    for line in channel.makefile("r"):
        request = json.loads(line)
        task = Assignment.from_json(request["task"])
        work = partial(_work, task, request["log"], os.getpid())
        worker = forking.Forked(f"stage:{task.stage}", work, request["env"])
        channel.sendall(f"{worker.pid}\n".encode())
        channel.sendall(f"{worker.wait()}\n".encode())


def _load() -> None:
    """Load what steps need, as they would, and let them fork. What cannot be loaded is theirs to explain.

    Not where there is an accelerator: whether its driver survives a fork depends on every library that has touched it,
    and beside the work that is done there loading them is little.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # its library reads that once, and only a step that is so will fork
    with uncollected(), contextlib.suppress(Exception):
        import torch

        if torch.accelerator.is_available():
            return
        with contextlib.suppress(Exception):
            from thinksafe.engines import vllm

            vllm.load_library()
        import thinksafe.engines.transformers
        import thinksafe.training.trainer  # noqa: F401

        forking.allow()


def _work(task: Assignment, log: str, parent: int) -> NoReturn:
    """Be a worker, as `thinksafe worker` would be."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    code = supervise.work(task, parent)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
