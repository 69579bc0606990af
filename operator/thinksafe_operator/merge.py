"""One pod template laid over another, as a strategic merge patch is. Pure.

Maps are merged. Containers of one name are merged. Of the other lists of named things an entry replaces the whole
entry of its name: merging two would give a volume two sources, or a variable two values. Every other list replaces the
list below it.

`$patch: replace` in a map puts it in the place of the one below, `$patch: delete` removes it (also an entry of a list
of named things). A null removes what is below too, but `kubectl apply` drops every null before the API server sees it.
"""

from typing import Any

_DIRECTIVE = "$patch"
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
            return _named(below, over, _REPLACED_BY[field], lambda _, new: merge({}, new))
    return over


def _maps(base: dict, over: dict) -> dict:
    directive = over.get(_DIRECTIVE)
    merged = {} if directive == "replace" else dict(base)
    for field, value in over.items():
        if value is None or _deletes(value):
            merged.pop(field, None)
        elif field != _DIRECTIVE or directive != "replace":  # an unknown one is the API server's to refuse
            merged[field] = merge(merged.get(field), value, field)
    return merged


def _named(base: list, over: list, key: str, join) -> list:
    """Both lists, entries with the same `key` joined, in the order in which each first appears."""
    merged = list(base)
    for new in over:
        name = new.get(key) if isinstance(new, dict) else None
        at = next((i for i, old in enumerate(merged) if name is not None and _is(old, key, name)), len(merged))
        joined = [] if _deletes(new) else [join(merged[at] if at < len(merged) else {}, new)]
        merged[at : at + 1] = joined
    return merged


def _deletes(value: Any) -> bool:
    return isinstance(value, dict) and value.get(_DIRECTIVE) == "delete"


def _is(entry: Any, key: str, name: Any) -> bool:
    return isinstance(entry, dict) and entry.get(key) == name
