"""What every worker of a stage has: progress in the store, costs, and a last line that says how it ended."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.progress import Progress, read_progress
from thinksafe.errors import ThinkSafeError
from thinksafe.stages.run import Run

TERMINATION_BYTES = 4096


@dataclass
class Bench:
    """A worker's place: whose progress it writes."""

    run: Run
    worker: str

    @contextlib.contextmanager
    def open(self, node: str, *, total: int, device: bool = False) -> Iterator[Progress]:
        """Count the work on one artifact while it lasts; `device` says that an accelerator is held."""
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


def last_words(error: BaseException | None, *, stage: str, done: dict[str, str]) -> dict:
    """How the worker ended, for the termination log: code, reason, hint, digests. Never a text of a data row."""
    words: dict[str, object] = {"code": 0, "reason": "Done", "hint": "", "stage": stage, "artifacts": done}
    if isinstance(error, ThinkSafeError):
        words |= {"code": error.code, "reason": error.reason, "message": str(error)[:1500], "hint": error.hint[:500]}
    elif error is not None:
        words |= {"code": 1, "reason": "Bug", "message": type(error).__name__, "hint": "See the worker's log"}
    return words


def leave(words: dict) -> int:
    """Print the last line and write it to the termination log; returns the exit code."""
    line = json.dumps(words, sort_keys=True)
    if len(line.encode()) > TERMINATION_BYTES:  # only a long plan can do that; the store has it whole
        line = json.dumps({**words, "artifacts": {}}, sort_keys=True)
    if words["code"]:
        print(f"thinksafe: {words.get('message')}. {words.get('hint')}", file=sys.stderr, flush=True)
    print(line, flush=True)
    log = Path(os.environ.get("THINKSAFE_TERMINATION_LOG", "/dev/termination-log"))
    if log.exists():
        with contextlib.suppress(OSError):
            log.write_text(line)
    return int(words["code"])  # type: ignore[call-overload]
