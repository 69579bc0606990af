"""What every worker of a stage has: progress in the store, and what the work has cost."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.progress import Progress, read_progress
from thinksafe.stages.run import Run


@dataclass
class Bench:
    """A worker's place: whose progress it writes."""

    run: Run
    worker: str

    @contextlib.contextmanager
    def open(self, node: str, *, total: int, device: int = 0) -> Iterator[Progress]:
        """Count the work on one artifact while it lasts; `device` is how many accelerators are held."""
        progress = Progress(self.run.artifact(node), self.worker, total=total, device=device)
        try:
            yield progress
        finally:
            progress.close()

    @staticmethod
    def cost(artifact: Artifact) -> dict:
        """Seconds, device seconds and tokens of all workers and attempts so far, for the manifest."""
        seen = read_progress(artifact)
        return {"seconds": seen.seconds, "gpu_seconds": seen.device_seconds, "tokens": seen.tokens}


def worker_name() -> str:
    """A name no other attempt has: its progress is added to theirs."""
    return f"{socket.gethostname()}-{os.getpid()}-{int(time.time())}"
