"""Where the models lie: committed beside this file, or made once and kept under their content's digest."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Kind = Literal["student", "guard", "teacher"]

HERE = Path(__file__).parent
WEIGHTS = HERE / "weights"

# The files that a model's bytes depend on. Measuring, caching and printing are not among them.
MAKERS = (
    "corpus.py", "frame.py", "models.py", "oracle.py", "problems.py", "requests.py", "splits.py", "tokenizer.py",
    "voices.py", "words.py",
)  # fmt: skip


def code_digest(kind: Kind) -> str:
    """SHA-256 over the code that makes the models of a kind. The teacher's own file changes no other model."""
    total = hashlib.sha256()
    for name in (*MAKERS, *(("teacher.py",) if kind == "teacher" else ())):
        total.update(name.encode() + b"\0" + (HERE / name).read_bytes() + b"\0")
    return total.hexdigest()


def cache(kind: Kind) -> Path:
    """Where models of a kind, made by this very code, are kept on this machine."""
    home = Path(os.environ.get("THINKSAFE_CACHE") or Path.home() / ".cache" / "thinksafe")
    return home / "tinyworld" / code_digest(kind)[:16]


def model_path(kind: Kind, seed: int = 0, progress: Callable[[int, int], None] | None = None) -> Path:
    """The directory of a Hugging Face model (weights, configuration, tokenizer, chat template).

    The committed weights if there are some for this seed; else the model is made, which takes minutes on one
    core, and kept under $THINKSAFE_CACHE or ~/.cache/thinksafe, so that it is made once. progress is called
    after each training step with the steps done and the steps there are.
    """
    committed = WEIGHTS / f"{kind}-{seed}"
    if (committed / "model.safetensors").exists():
        return committed
    place = cache(kind) / f"{kind}-{seed}"
    if not place.exists():
        make_at(place, kind, seed, progress)
    return place


def make_at(place: Path, kind: Kind, seed: int, progress: Callable[[int, int], None] | None = None) -> None:
    """Make the model in a temporary directory and rename it, so that a crash leaves nothing half-made.

    FileExistsError if something that is not a finished model already stands at `place`.
    """
    from thinksafe.tinyworld import models, teacher  # import torch

    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".making-", dir=place.parent))
    try:
        if kind == "teacher":
            teacher.make(seed, temporary, progress)
        else:
            models.make(kind, seed, temporary, progress)
        temporary.chmod(0o755)
        try:
            temporary.rename(place)
        except OSError:
            # Another process was faster: its model is as good as ours. Anything else in the way is an error.
            if not (place / "model.safetensors").exists():
                raise FileExistsError(f"{place} exists and is no finished model") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def kind_of(path: Path) -> Kind:
    """Which of the two a model directory holds: the guard is the one with two layers."""
    config = json.loads((path / "config.json").read_text())
    return "guard" if config["num_hidden_layers"] == 2 else "student"
