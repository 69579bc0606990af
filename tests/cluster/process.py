"""A program of ours: started, waited for, stopped by its handle, and gone when the process that started it is gone."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# The kernel kills a child with PDEATHSIG when the *thread* that made it ends. This one ends with the interpreter.
_SPAWNER = ThreadPoolExecutor(1, thread_name_prefix="spawner")
_INTO_CGROUP = 'for c in $CGROUPS; do echo $$ > "$c/cgroup.procs"; done; unset CGROUPS; exec "$@"'


class Process:
    """One program with its log. It can be stopped and started again, with the same arguments."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        cgroups: Sequence[Path] = (),
    ) -> None:
        self.name, self.command, self.log, self.cgroups = name, [str(part) for part in command], log, cgroups
        self.environment = {**os.environ, **(environment or {})}
        self._handle: subprocess.Popen | None = None

    @property
    def running(self) -> bool:
        return self._handle is not None and self._handle.poll() is None

    @property
    def pid(self) -> int:
        if self._handle is None:
            raise RuntimeError(f"{self.name} was never started")
        return self._handle.pid

    def start(self) -> None:
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        command = ["setpriv", "--pdeathsig", "KILL", *self.command]
        environment = self.environment
        if self.cgroups:
            command = ["sh", "-c", _INTO_CGROUP, "sh", *command]
            environment = {**environment, "CGROUPS": " ".join(map(str, self.cgroups))}
        with self.log.open("ab") as log:
            self._handle = _SPAWNER.submit(
                subprocess.Popen, command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
            ).result()

    def stop(self, grace: float = 10) -> None:
        """End it: politely, and after `grace` seconds by force. Nothing to do where it has ended."""
        if self._handle is None or not self.running:
            return
        self._handle.terminate()
        try:
            self._handle.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as a crash does."""
        if self._handle is not None and self.running:
            self._handle.send_signal(signal.SIGKILL)
            self._handle.wait(30)

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for it to be ready; ends with the end of its log where it died or is not ready in time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.running:
                raise RuntimeError(f"{self.name} ended while starting:\n{self.tail()}")
            if ready():
                return
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} is not ready after {seconds:.0f} s:\n{self.tail()}")

    def tail(self, characters: int = 2000) -> str:
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


def listens(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return not probe.connect_ex((host, port))


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def run(*command: str | Path, check: bool = True, input: str | None = None, timeout: float = 600, **more) -> str:
    """A short command's output; what it said, where it failed."""
    done = subprocess.run(
        [str(part) for part in command], input=input, capture_output=True, text=True, timeout=timeout, **more
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))[:300]}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout
