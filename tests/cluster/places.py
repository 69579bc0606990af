"""Where the tests' cluster keeps things, and the numbers and names of a cluster of its own.

What is expensive (binaries, images, the node's unpacked images) is in the user's cache, so that a fresh clone is warm.
What lives as long as a cluster is under the temporary directory, in a folder whose lock its owner holds: a folder
without an owner is what a crash left.
"""

import fcntl
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

GO_MODULES = Path(__file__).parent / "go"
REPOSITORY = Path(__file__).parents[2]
SLOTS = 16  # clusters at the same time on one machine


def cache(*parts: str) -> Path:
    """A folder of the user's cache, made."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "thinksafe" / Path(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def temporary() -> Path:
    """The folder of everything that lives as long as a cluster. Short: paths of Unix sockets end at 107 bytes."""
    folder = Path(tempfile.gettempdir()) / f"thinksafe-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def try_lock(path: Path) -> IO[str] | None:
    """The locked file, or None where another process holds it. The lock ends with the process, however it ends."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Alone with what this file stands for; waits for whoever is there."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass
class Slot:
    """One of the machine's places for a cluster: its number gives names and addresses that no other cluster uses."""

    number: int
    locks: tuple[IO[str], ...]

    @property
    def folder(self) -> Path:
        return temporary() / f"cluster-{self.number}"

    @property
    def bridge(self) -> str:
        return f"thinksafe{self.number}"

    @property
    def pods(self) -> str:
        return f"10.77.{self.number}.0/24"

    @property
    def gateway(self) -> str:
        """The node's address, on the bridge: the kubelet, S3, the registry and DNS listen here and nowhere else."""
        return f"10.77.{self.number}.1"

    @property
    def services(self) -> str:
        return f"10.78.{self.number}.0/24"

    @property
    def api(self) -> str:
        """The cluster IP of the service `kubernetes`, and where the API server really listens (see network.py)."""
        return f"10.78.{self.number}.1"

    @property
    def cgroup(self) -> str:
        return f"thinksafe-{self.number}"

    def release(self) -> None:
        for lock in self.locks:
            lock.close()


def take_slot() -> Slot:
    """The first free place for a cluster on this machine."""
    with locked(_choosing()):
        for number in range(SLOTS):
            if slot := _free_slot(number):
                return slot
    raise RuntimeError(f"{SLOTS} clusters run on this machine already: stop one (make cluster-down)")


def take_free_slots(chosen: Callable[[Sequence[int]], Collection[int]]) -> list[Slot]:
    """Those chosen among the places without a cluster. Whoever wants one meanwhile waits, and misses no other."""
    with locked(_choosing()):
        free = [slot for number in range(SLOTS) if (slot := _free_slot(number))]
        numbers = chosen([slot.number for slot in free])
        for slot in free:
            if slot.number not in numbers:
                slot.release()
    return [slot for slot in free if slot.number in numbers]


def _choosing() -> Path:
    """Locked for the moment in which somebody tries one slot after the other."""
    return temporary() / "slots.lock"


def _free_slot(number: int) -> Slot | None:
    """The slot, taken; None where somebody has it.

    Two locks: several temporary folders may share one cache, and several caches one temporary folder.
    """
    if lock := try_lock(temporary() / f"cluster-{number}.lock"):
        if images := try_lock(cache("nodes") / f"{number}.lock"):
            return Slot(number, (lock, images))
        lock.close()
    return None
