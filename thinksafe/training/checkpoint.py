"""A checkpoint: everything that the rest of the run depends on, in a folder that is complete or not there.

    step-00000100/
      adapter_model.safetensors, adapter_config.json   the adapter, as PEFT reads it
      optimizer.safetensors                            AdamW's moments and step counts, by parameter name
      state.json                                       step, schedule, curve, counts, and whose run this is
      manifest.json                                    sha256 and size of the others: written last

It is written beside its place, forced to the disk, then renamed. Nothing in it is ever unpickled.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

MANIFEST, STATE = "manifest.json", "state.json"
ADAPTER, OPTIMIZER = "adapter_model.safetensors", "optimizer.safetensors"
_NAME = re.compile(r"step-(\d{8})")


@dataclass(frozen=True)
class Checkpoint:
    """What was read back. `state` is what `write` was given."""

    step: int
    adapter: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _to_disk(path: Path) -> None:
    """Force a file or a folder's entries to the disk: a rename must not overtake what it names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write(
    folder: Path, step: int, *, save_adapter: Callable[[Path], None], optimizer: dict[str, Tensor],
    state: dict[str, Any],
) -> Path:
    """Write the checkpoint of a step under `folder` and return its own folder. Raises OSError if the disk is full."""
    final, part = folder / f"step-{step:08d}", folder / f".writing-{step:08d}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    save_adapter(part)
    save_file(optimizer, part / OPTIMIZER)
    (part / STATE).write_text(json.dumps(state))
    files = {p.name: {"sha256": _digest(p), "bytes": p.stat().st_size} for p in sorted(part.iterdir())}
    (part / MANIFEST).write_text(json.dumps({"step": step, "files": files}))
    for path in part.iterdir():
        _to_disk(path)
    _to_disk(part)
    shutil.rmtree(final, ignore_errors=True)
    part.rename(final)
    _to_disk(folder)
    return final


def complete(folder: Path) -> bool:
    """Whether every file of a checkpoint is there, byte for byte."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return {ADAPTER, OPTIMIZER, STATE} <= files.keys() and all(
            (folder / name).stat().st_size == f["bytes"] and _digest(folder / name) == f["sha256"]
            for name, f in files.items()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def latest(folder: Path) -> Path | None:
    """The newest complete checkpoint under a folder. Cut-off and damaged ones are passed over."""
    found = sorted((p for p in folder.glob("step-*") if _NAME.fullmatch(p.name)), reverse=True)
    return next((p for p in found if complete(p)), None)


def read(folder: Path) -> Checkpoint:
    """Read a complete checkpoint, onto the CPU."""
    state = json.loads((folder / STATE).read_text())
    step = json.loads((folder / MANIFEST).read_text())["step"]
    return Checkpoint(step, load_file(folder / ADAPTER), load_file(folder / OPTIMIZER), state)


def prune(folder: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` checkpoints, and what an interrupted write left."""
    for old in sorted(p for p in folder.glob("step-*") if _NAME.fullmatch(p.name))[:-keep]:
        shutil.rmtree(old)
    for part in folder.glob(".writing-*"):
        shutil.rmtree(part)


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: dict[str, torch.nn.Parameter]) -> dict[str, Tensor]:
    """An optimizer's state by parameter name: `<name>::exp_avg` and so on."""
    return {
        f"{name}::{key}": value.contiguous()
        for name, p in names.items() for key, value in optimizer.state.get(p, {}).items()
    }


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: dict[str, torch.nn.Parameter], tensors: dict[str, Tensor]
) -> None:
    """Put the tensors back where `optimizer_tensors` found them."""
    for full, value in tensors.items():
        name, key = full.split("::")
        p = names[name]
        # AdamW keeps its step count on the CPU, whatever the device of the weights.
        optimizer.state[p][key] = value if key == "step" else value.to(p.device)
