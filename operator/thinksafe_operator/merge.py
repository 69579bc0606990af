"""One pod template laid over another, nearly as `kubectl patch` does it. Pure.

Maps are merged, and null removes a key. Containers of one name are merged. Of the other lists of named things an entry
replaces the whole entry of its name: merging two would give a volume two sources, or a variable two values.
Every other list replaces the list below it.
"""

from typing import Any

_MERGED = frozenset({"containers", "initContainers"})
_REPLACED_BY = {
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "resourceClaims": "name",
    "claims": "name",
}


def merge(base: Any, over: Any, field: str = "") -> Any:
    """`over` laid over `base`; neither is changed. `field` is the name of the field that holds them.

    What is not of the right shape is passed on as it is: the API server says best what is wrong with it.
    """
    if isinstance(over, dict):
        return _maps(base if isinstance(base, dict) else {}, over)
    if isinstance(over, list):
        below = base if isinstance(base, list) else []
        if field in _MERGED:
            return _named(below, over, "name", merge)
        if field in _REPLACED_BY:
            return _named(below, over, _REPLACED_BY[field], lambda _, new: new)
    return over


def _maps(base: dict, over: dict) -> dict:
    merged = dict(base)
    for field, value in over.items():
        if value is None:
            merged.pop(field, None)
        else:
            merged[field] = merge(merged.get(field), value, field)
    return merged


def _named(base: list, over: list, key: str, join) -> list:
    """Both lists, entries with the same `key` joined, in the order in which each first appears."""
    merged = list(base)
    for new in over:
        name = new.get(key) if isinstance(new, dict) else None
        at = next((i for i, old in enumerate(merged) if name is not None and _is(old, key, name)), None)
        if at is None:
            merged.append(join({}, new))
        else:
            merged[at] = join(merged[at], new)
    return merged


def _is(entry: Any, key: str, name: Any) -> bool:
    return isinstance(entry, dict) and entry.get(key) == name
