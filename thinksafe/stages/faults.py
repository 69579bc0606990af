"""What a stage could not do because of its machine: memory, disk, device, or another process of its group."""

import errno
import os
import tempfile
from pathlib import Path

from thinksafe.artifacts import disk
from thinksafe.engines.faults import chain, of_device
from thinksafe.errors import SettingsError, TemporaryError, ThinkSafeError
from thinksafe.stages.assignment import Assignment

# What a user can lower, and what to ask for if that is not wanted.
LOWER = {
    "generate": "spec.generation.maxTokens",
    "filter": "the length of what the guard reads (spec.generation.maxTokens)",
    "train": "spec.training.tokensPerPack (or set spec.training.gradientCheckpointing)",
    "evaluate": "spec.evaluation.maxTokens",
}
# What a collective operation says when a process at its other end is gone.
GROUP_WORDS = (
    "closed by peer", "reset by peer", "remote process exited", "gloo", "socket timeout", "broken pipe",
    "connection refused", "timed out waiting for clients", "collective operation timeout",
)  # fmt: skip


def memory_hint(task: Assignment) -> str:
    """What to do if memory ran out in a stage."""
    place = f"spec.stages.{task.base}.resources"
    if task.base not in LOWER:
        return f"Raise the memory in {place}"
    return f"Lower {LOWER[task.base]}, or ask for more memory or a larger accelerator in {place}"


def of_machine(error: BaseException, task: Assignment) -> ThinkSafeError | None:
    """The error as one of ours; None if it is not the machine's (then it is a bug)."""
    if full := _disk_full(error):
        return full
    if _of_group(error):
        return TemporaryError(
            "another process of the training group is gone",
            reason="GroupBroken",
            hint="Start again; it goes on from the last checkpoint",
        )
    told = of_device(error, f"stage {task.stage}")
    return with_hint(told, task) if told else None


def with_hint(error: ThinkSafeError, task: Assignment) -> ThinkSafeError:
    """The error; if memory ran out, with what this stage's user can do about it."""
    if error.reason == "OutOfMemory" and isinstance(error, SettingsError):
        error.hint = memory_hint(task)
    return error


def _disk_full(error: BaseException) -> ThinkSafeError | None:
    scratch = Path(os.environ.get("THINKSAFE_SCRATCH") or tempfile.gettempdir())
    for e in chain(error):
        if isinstance(e, OSError) and e.errno in disk.FULL:
            return disk.explained(e, Path(e.filename) if isinstance(e.filename, str) else scratch)
        # safetensors and Arrow have exceptions of their own for it.
        if "no space left on device" in str(e).lower():
            return disk.explained(OSError(errno.ENOSPC, ""), scratch)
    return None


def _of_group(error: BaseException) -> bool:
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return False
    kinds = ("DistNetworkError", "DistStoreError")
    return any(
        type(e).__name__ in kinds or (isinstance(e, RuntimeError) and any(w in str(e).lower() for w in GROUP_WORDS))
        for e in chain(error)
    )
