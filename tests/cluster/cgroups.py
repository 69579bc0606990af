"""The control groups of one cluster: whatever the node starts is in them, so all of it can be found and ended."""

import contextlib
import os
import signal
import time
from pathlib import Path

_MOUNTS = Path("/sys/fs/cgroup")


def create(name: str) -> Path:
    """Make the group in every hierarchy; returns a child for the node's daemons, in the one that `kill` reads."""
    for root in _roots():
        (root / name).mkdir(exist_ok=True)
        # All pods together would else get as much of a busy machine as one process beside them.
        for file, share in (("cpu.shares", "8192"), ("cpu.weight", "800")):  # version 1, version 2
            if (root / name / file).exists():
                (root / name / file).write_text(share)
        if (root / "cgroup.controllers").exists():  # version 2: children have only what their parents hand on
            for parent in (root, root / name):
                for controller in (parent / "cgroup.controllers").read_text().split():
                    with contextlib.suppress(OSError):
                        (parent / "cgroup.subtree_control").write_text(f"+{controller}")
    daemons = _processes_root() / name / "daemons"
    daemons.mkdir(exist_ok=True)
    return daemons


def kill(name: str, seconds: float = 20) -> None:
    """End every process in the group."""
    end = time.monotonic() + seconds
    while (pids := _pids(name)) and time.monotonic() < end:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)


def remove(name: str) -> None:
    """Remove the group from every hierarchy, once nothing runs in it."""
    for root in _roots():
        groups = [Path(folder) for folder, _, _ in os.walk(root / name, topdown=False)]
        for group in groups:
            for _ in range(20):  # the kernel may need a moment after the last process
                try:
                    group.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.05)


def _roots() -> list[Path]:
    if (_MOUNTS / "cgroup.controllers").exists():
        return [_MOUNTS]
    return [folder for folder in _MOUNTS.iterdir() if folder.is_dir() and not folder.is_symlink()]


def _processes_root() -> Path:
    return _MOUNTS if (_MOUNTS / "cgroup.controllers").exists() else _MOUNTS / "pids"


def _pids(name: str) -> list[int]:
    found: list[int] = []
    for folder, _, _ in os.walk(_processes_root() / name):
        with contextlib.suppress(OSError):
            found += [int(line) for line in (Path(folder) / "cgroup.procs").read_text().split()]
    return found
