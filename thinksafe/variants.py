"""Pure: an experiment -> one run a variant."""

import copy
from collections.abc import Mapping
from typing import Any

from thinksafe.errors import SettingsError
from thinksafe.manifest import parse
from thinksafe.spec import API_VERSION, KIND, Manifest
from thinksafe.spec.experiment import ExperimentManifest, Variant

# What the experiment decides, not the variant, and where it says so. Only in one store can variants share anything.
_EXPERIMENTS_OWN = {
    "suspend": "spec.suspend",
    "ttlSecondsAfterFinished": "spec.ttlSecondsAfterFinished",
    "storage": "spec.run.storage",
}


def merged(base: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the fields of `patch`: maps are merged, anything else takes the place of what is there."""
    made = copy.deepcopy(dict(base))
    for field, value in patch.items():
        old = made.get(field)
        made[field] = merged(old, value) if isinstance(old, dict) and isinstance(value, Mapping) else value
    return made


def run_name(experiment: str, variant: str) -> str:
    """The name of a variant's run."""
    return f"{experiment}-{variant}"


def run_document(experiment: ExperimentManifest, variant: Variant, adapter: str | None = None) -> dict[str, Any]:
    """The variant's ThinkSafeRun as a document; not yet checked.

    `adapter`: the digest of the adapter that writes its data, for a variant with `generatorFrom`.
    """
    base = experiment.spec.run.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec = merged(base, variant.patch)
    if adapter is not None:
        spec["generator"] = {**(spec.get("generator") or spec["model"]), "adapter": adapter}
    name = run_name(experiment.metadata.name, variant.name)
    meta = {"name": name, "namespace": experiment.metadata.namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": meta, "spec": spec}


def run_manifest(experiment: ExperimentManifest, variant: Variant, adapter: str | None = None) -> Manifest:
    """The variant's run, checked. SettingsError names the variant and the field at fault."""
    where = f"{experiment.metadata.name}: variant {variant.name}"
    for field, place in _EXPERIMENTS_OWN.items():
        if field in variant.patch:
            raise SettingsError(
                f"{where}: {field} is the experiment's to say", reason="InvalidSpec", hint=f"Set {place} instead"
            )
    return parse(run_document(experiment, variant, adapter), where=where)
