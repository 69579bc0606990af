"""Training over several processes: who they are. In one pod or in several, each process holds one device.

The parent starts them itself, with the environment that torchrun would give them: torchrun answers every failure
with exit code 1 and SIGTERM with a kill, and both mean something here.
"""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from thinksafe.errors import UsageError
from thinksafe.stages.assignment import Assignment

PORT = 29500


@dataclass(frozen=True)
class Group:
    """`processes` in each of `pods` pods; this is pod number `pod`. They meet at a port of pod 0."""

    processes: int
    pods: int
    pod: int
    address: str
    port: int

    @classmethod
    def of(cls, task: Assignment, env: Mapping[str, str]) -> Self | None:
        """The group that an assignment belongs to; None if one process does it."""
        told = env.get("THINKSAFE_PROCESSES", "1")
        if not told.isdigit() or told == "0":
            raise UsageError(f"THINKSAFE_PROCESSES={told}: not a number of processes")
        if task.base != "train" or task.step or int(told) * task.count == 1:
            return None
        if task.count == 1:
            return cls(int(told), 1, 0, "127.0.0.1", _free_port())
        if "MASTER_ADDR" not in env:
            raise UsageError("training over several pods: MASTER_ADDR is not set", hint="Name the host of pod 0")
        return cls(int(told), task.count, task.index, env["MASTER_ADDR"], int(env.get("MASTER_PORT", PORT)))

    def environments(self, env: Mapping[str, str]) -> list[dict[str, str]]:
        """One environment for each process of this pod."""
        threads = max(1, (os.cpu_count() or 1) // self.processes)  # else each would take all cores
        common = {
            "OMP_NUM_THREADS": str(threads),
            **env,
            "WORLD_SIZE": str(self.processes * self.pods),
            "LOCAL_WORLD_SIZE": str(self.processes),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }
        return [
            {**common, "LOCAL_RANK": str(local), "RANK": str(self.pod * self.processes + local)}
            for local in range(self.processes)
        ]


def rank() -> int:
    """This process's number in its group; 0 is the one that writes."""
    return int(os.environ.get("RANK", "0"))


def size() -> int:
    """How many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
