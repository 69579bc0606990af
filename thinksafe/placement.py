"""Pure: where a stage's workers run and with what, once a stage's own settings have met the defaults of all stages."""

from typing import Any

from thinksafe.pod_parts import Resources
from thinksafe.pods import PodSettings, Stage
from thinksafe.spec import RunSpec

RETRIES = 2
POD_RETRIES = 3
STALL_TIMEOUT_SECONDS = 1800


def settings_for(spec: RunSpec, stage: str) -> Stage:
    """The settings of a stage: its own, else those of spec.workers; the counts and times filled in.

    Maps are merged; lists are joined, and of two things of one name (or of two mounts at one path) the stage's stays.
    A rung of the ladder (generate-2, filter-2, ...) has the settings of its first (generate, filter).
    `podTemplate` is left out: it is a patch of the finished pod, that of spec.workers first, then the stage's.
    """
    own: Stage = getattr(spec.stages, stage.partition("-")[0])
    settings = {f: _merged(f, getattr(spec.workers, f), getattr(own, f)) for f in PodSettings.model_fields}
    counted = {"retries": RETRIES, "pod_retries": POD_RETRIES, "stall_timeout_seconds": STALL_TIMEOUT_SECONDS}
    filled = {f: n for f, n in counted.items() if settings[f] is None}
    return own.model_copy(update={**settings, **filled, "pod_template": None})


def _merged(field: str, default: Any, own: Any) -> Any:
    """One field of the settings: what `spec.workers` says and what the stage says, as one value."""
    if default is None or own is None:
        return default if own is None else own
    if isinstance(own, Resources):
        return Resources(requests={**default.requests, **own.requests}, limits={**default.limits, **own.limits})
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
