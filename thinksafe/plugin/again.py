"""A run as it was sent, out of what the API server has made of it. Pure."""

import hashlib
from collections.abc import Mapping

from thinksafe.errors import DataError
from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run

_KEPT = ("name", "namespace", "labels", "annotations", "ownerReferences", "finalizers")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OF_DELETION = ("foregroundDeletion", "orphan")
_LONGEST_NAME = 40


def manifest(run: Run) -> dict:
    """The same run to be created anew: without status, identity and bookkeeping."""
    metadata = {k: v for k, v in run["metadata"].items() if k in _KEPT}
    if "annotations" in metadata:
        metadata["annotations"] = {k: v for k, v in metadata["annotations"].items() if k != _LAST_APPLIED}
    if "finalizers" in metadata:
        metadata["finalizers"] = [f for f in metadata["finalizers"] if f not in _OF_DELETION]
    kept = {k: v for k, v in metadata.items() if v}
    return {"apiVersion": run["apiVersion"], "kind": run["kind"], "metadata": kept, "spec": run["spec"]}


def stand_in(wanted: Mapping) -> dict:
    """The manifest under a name that nobody has: the API server can say what it thinks of it, unseen."""
    name = wanted["metadata"]["name"]
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    short = f"{name[: _LONGEST_NAME - 9].rstrip('-')}-{digest}"
    return {**wanted, "metadata": {**wanted["metadata"], "name": short}}


def check(run: Run, *, force: bool) -> None:
    """DataError, with the reason, if the run should not be done again."""
    name, phase = runs.name(run), runs.phase(run)
    if run["metadata"].get("deletionTimestamp"):
        raise DataError(f"{name} is being deleted", reason="Deleting", hint="Once it is gone, apply its manifest")
    if phase == "Failed" or force:
        return
    if phase == "GateFailed":
        raise DataError(
            f"{name} did not fail: its gate did, and would again from the same artifacts", reason="NotFailed",
            hint="Change the guard, the data or the gate in a new run; --force does it again all the same",
        )  # fmt: skip
    raise DataError(
        f"{name} has not failed: it is {phase}", reason="NotFailed",
        hint="--force does it again all the same; what is committed is kept",
    )  # fmt: skip
