"""Adapters of earlier runs, found in the store by their digest and brought to this machine."""

import json
import re
from pathlib import Path

from thinksafe import models
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import Store
from thinksafe.errors import DataError, SettingsError
from thinksafe.stages.run import Run, scratch

KIND = "adapter"
_FINISHED = re.compile(r"artifacts/adapter/([0-9a-f]{64})/manifest\.json")


def resolve(store: Store, prefix: str, base: str) -> str:
    """The whole digest of the one complete adapter that begins so; `base` is the fingerprint of its model.

    Raises SettingsError if there is none, if there are several, and if the adapter is one of another model.
    """
    where = "spec.generator.adapter"
    keys = store.list(f"artifacts/{KIND}/{prefix}")
    found = sorted(match[1] for key in keys if (match := _FINISHED.fullmatch(key)))
    if not found:
        raise SettingsError(
            f"{where}: no adapter in {store.uri} begins with {prefix}", reason="AdapterNotFound",
            hint="Take the digest from the earlier run's status or summary (artifacts.adapter); both runs must have "
            "the same storage, and the earlier one must be done with training",
        )  # fmt: skip
    if len(found) > 1:
        raise SettingsError(
            f"{where}: {len(found)} adapters in {store.uri} begin with {prefix}", reason="AdapterNotUnique",
            hint="Give all 64 digits",
        )  # fmt: skip
    made_for = Artifact(store, KIND, found[0]).manifest()["base_model"]
    if made_for["fingerprint"] != base:
        raise SettingsError(
            f"{where}: {found[0][:16]} is an adapter of {made_for['name']} ({made_for['fingerprint'][:80]}), not of "
            f"spec.generator ({base[:80]})", reason="AdapterOfOtherModel",
            hint="Name in spec.generator the very model and revision that the adapter was trained on",
        )  # fmt: skip
    return found[0]


def of_generator(run: Run) -> Artifact | None:
    """The adapter with which the responses are written, as prepare found it; None if there is none."""
    digest = models.taken_apart(run.fingerprints["generator"])[1]
    return None if digest is None else Artifact(run.store, KIND, digest)


def rank(adapter: Artifact) -> int:
    """The rank of the adapter's matrices. Raises DataError if its configuration does not say it."""
    try:
        return int(json.loads(adapter.get_file("adapter_config.json"))["r"])
    except (ValueError, KeyError, TypeError):
        raise DataError(
            f"{adapter.prefix}/files/adapter_config.json: does not say the rank", reason="Damaged"
        ) from None


def brought(run: Run, adapter: Artifact, node: str) -> str:
    """The adapter's files on this machine, as a PEFT folder, for the work on artifact `node`."""
    folder: Path = scratch(run, node) / f"adapter-{adapter.digest[:16]}"
    folder.mkdir(exist_ok=True)
    for name in adapter.files():
        (folder / name).write_bytes(adapter.get_file(name))
    return str(folder)
