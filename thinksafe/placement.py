"""Pure: where a stage's workers run and with what, once a stage's own settings have met the defaults of all stages."""

from typing import Any

from thinksafe.pods import PodSettings, PodTemplate, Resources, Stage
from thinksafe.spec import RunSpec

RETRIES = 2
POD_RETRIES = 3
STALL_TIMEOUT_SECONDS = 1800

# By which key the things of a list are told apart, where it is not the name.
_KEYS = {"volumeMounts": "mountPath", "volumeDevices": "devicePath", "ports": "containerPort", "hostAliases": "ip"}


def settings_for(spec: RunSpec, stage: str) -> Stage:
    """The settings of a stage: its own, else those of spec.workers; the counts and times filled in.

    Maps are merged; lists are joined, and of two things of one name (or of two mounts at one path) the stage's stays.
    A rung of the ladder (generate-2, filter-2, ...) has the settings of its first (generate, filter).
    `model_dump(by_alias=True, exclude_none=True)` of a part of it is what Kubernetes takes.
    """
    own: Stage = getattr(spec.stages, stage.partition("-")[0])
    settings = {f: _merged(f, getattr(spec.workers, f), getattr(own, f)) for f in PodSettings.model_fields}
    counted = {"retries": RETRIES, "pod_retries": POD_RETRIES, "stall_timeout_seconds": STALL_TIMEOUT_SECONDS}
    filled = {f: n for f, n in counted.items() if settings[f] is None}
    return own.model_copy(update={**settings, **filled})


def merge(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`base` with `patch` merged into it as a strategic merge patch is; neither is changed.

    Maps are merged key by key. Two lists of things that have names (mounts: paths) are merged by them, in the order of
    `base`, then what is new; any other list or value of the patch takes the place of the old one, null too
    (see `without_nulls`).
    """
    merged = dict(base)
    for key, value in patch.items():
        old = base.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            merged[key] = merge(old, value)
        elif isinstance(old, list) and isinstance(value, list):
            merged[key] = _merged_list(old, value, _KEYS.get(key, "name"))
        else:
            merged[key] = value
    return merged


def without_nulls(value: Any) -> Any:
    """A merged pod template without the keys that a patch set to null in order to remove them."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


def _merged_list(old: list, new: list, key: str) -> list:
    if not all(isinstance(item, dict) and key in item for item in [*old, *new]):
        return new
    by_key = {item[key]: item for item in old}
    for item in new:
        by_key[item[key]] = merge(by_key.get(item[key], {}), item)
    return list(by_key.values())


def _merged(field: str, default: Any, own: Any) -> Any:
    """One field of the settings: what `spec.workers` says and what the stage says, as one value."""
    if default is None or own is None:
        return default if own is None else own
    if isinstance(own, Resources):
        return Resources(requests={**default.requests, **own.requests}, limits={**default.limits, **own.limits})
    if isinstance(own, PodTemplate):
        both = merge(*(t.model_dump(by_alias=True, exclude_unset=True) for t in (default, own)))
        return PodTemplate.model_validate(both)
    if isinstance(own, dict):
        return {**default, **own}
    if isinstance(own, list):
        replaced = {_identity(field, item) for item in own} - {None}
        return [item for item in default if _identity(field, item) not in replaced] + own
    return own


def _identity(field: str, item: Any) -> object:
    """What tells things of a list apart; None if nothing does (a toleration, a source of variables)."""
    if field == "volume_mounts":
        return item["mountPath"]
    return item["name"] if isinstance(item, dict) else getattr(item, "name", None)
