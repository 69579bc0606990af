"""Models of the hub are brought to this pod before a stage begins; the stage itself then works offline.

With a model cache that all pods share (HF_HOME outside of THINKSAFE_SCRATCH) prepare brings them, once, and no
accelerator waits for it. Without one each pod needs a copy of its own, of the commit that prepare recorded.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from thinksafe import models
from thinksafe.plan import further_guards, models_named
from thinksafe.spec import AUTO, RunSpec
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.run import Run

STEP = "fetch"
# Which models a stage holds, by their roles. Responses are put into the student's token ids also in generate.
ROLES = {
    "generate": ("generator", "student"),
    "filter": ("guard",),
    "train": ("student",),
    "evaluate": ("student", "judge"),
}


def is_shared(env: Mapping[str, str]) -> bool:
    """Whether the model cache outlives this pod."""
    home, scratch = env.get("HF_HOME"), env.get("THINKSAFE_SCRATCH")
    return bool(home and scratch) and not Path(home).is_relative_to(scratch)  # type: ignore[arg-type]


def roles(spec: RunSpec, task: Assignment, env: Mapping[str, str]) -> list[str]:
    """The roles of models to bring here before this stage. None where the user wants no network at all."""
    if env.get("HF_HUB_OFFLINE") == "1":
        return []
    named = models_named(spec)
    held = tuple(named) if task.stage == "prepare" and is_shared(env) else ROLES.get(task.base, ())
    if task.probes_here and spec.steering.template == AUTO:
        held = (*held, "guard")
    if task.base == "filter":
        held = (*held, *further_guards(spec))
    return [role for role in held if models.is_on_hub(named[role].name)]


def fetch(run: Run, task: Assignment) -> None:
    """Bring them. Raises what models.local_path raises."""
    for role in roles(run.spec, task, os.environ):
        run.model(role)


def cached_bytes(env: Mapping[str, str]) -> int:
    """What is in the hub's cache by now, with what is half there: while it grows, a download is alive."""
    home = Path(env.get("HF_HOME") or Path(env.get("HOME", "/")) / ".cache" / "huggingface")
    total = 0
    for file in (home / "hub").glob("models--*/blobs/*"):
        try:
            total += file.stat().st_size
        except OSError:  # renamed since
            continue
    return total
