import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe_operator.merge import merge

CASES = {
    "maps are merged": ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
    "null removes": ({"a": {"x": 1, "y": 2}}, {"a": {"x": None}}, {"a": {"y": 2}}),
    "null of nothing is nothing": ({}, {"a": {"x": None}, "b": None}, {"a": {}}),
    "a scalar replaces a map": ({"a": {"x": 1}}, {"a": 5}, {"a": 5}),
    "containers of one name are merged, others added": (
        {"containers": [{"name": "worker", "image": "a", "args": ["x"]}]},
        {"containers": [{"name": "sidecar", "image": "s"}, {"name": "worker", "image": "b"}]},
        {"containers": [{"name": "worker", "image": "b", "args": ["x"]}, {"name": "sidecar", "image": "s"}]},
    ),
    "null inside a named container removes": (
        {"containers": [{"name": "worker", "securityContext": {"runAsUser": 1, "runAsNonRoot": True}}]},
        {"containers": [{"name": "worker", "securityContext": {"runAsUser": None}}]},
        {"containers": [{"name": "worker", "securityContext": {"runAsNonRoot": True}}]},
    ),
    "a variable is replaced whole": (
        {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}]},
        {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {}}}, {"name": "B", "value": "2"}]},
    ),
    "a volume is replaced whole": (
        {"volumes": [{"name": "scratch", "emptyDir": {}}]},
        {"volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": "disk"}}]},
        {"volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": "disk"}}]},
    ),
    "mounts are told apart by their path": (
        {"volumeMounts": [{"name": "v", "mountPath": "/a"}]},
        {"volumeMounts": [{"name": "v", "mountPath": "/b"}, {"name": "w", "mountPath": "/a"}]},
        {"volumeMounts": [{"name": "w", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}]},
    ),
    "a map in the place of another": (
        {"a": {"x": 1, "y": {"z": 2}}}, {"a": {"$patch": "replace", "y": {"w": 3}}}, {"a": {"y": {"w": 3}}},
    ),
    "a map removed": ({"a": {"x": 1}, "b": 2}, {"a": {"$patch": "delete"}, "c": {"$patch": "delete"}}, {"b": 2}),
    "a volume removed, and one that is not there": (
        {"volumes": [{"name": "v", "emptyDir": {}}, {"name": "w"}]},
        {"volumes": [{"name": "v", "$patch": "delete"}, {"name": "u", "$patch": "delete"}]},
        {"volumes": [{"name": "w"}]},
    ),
    "a container in the place of another": (
        {"containers": [{"name": "worker", "image": "a"}, {"name": "b"}]},
        {"containers": [{"name": "worker", "$patch": "replace", "args": []}]},
        {"containers": [{"name": "worker", "args": []}, {"name": "b"}]},
    ),
    "an unknown directive is passed on": ({"a": {"x": 1}}, {"a": {"$patch": "no"}}, {"a": {"x": 1, "$patch": "no"}}),
    "another list replaces": ({"tolerations": [{"key": "a"}]}, {"tolerations": []}, {"tolerations": []}),
    "a container without a name is passed on": (
        {"containers": [{"name": "worker"}]},
        {"containers": [{"image": "x"}, "nonsense"]},
        {"containers": [{"name": "worker"}, {"image": "x"}, "nonsense"]},
    ),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_merge(case):
    base, over, expected = CASES[case]
    kept = copy.deepcopy((base, over))
    assert merge(base, over) == expected
    assert (base, over) == kept


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["replace", "delete"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["containers", "env", "name", "spec", "$patch"]), inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None)
@given(_json, _json)
def test_nothing_makes_it_fail_and_twice_is_once(base, over):
    once = merge(base, over)
    if not _adds_each_time(over):
        assert merge(once, over) == once


def _adds_each_time(value) -> bool:
    """Whether a list of containers or variables in it has an entry without a name."""
    if isinstance(value, list):
        return any(map(_adds_each_time, value))
    if not isinstance(value, dict):
        return False
    named = [e for field in ("containers", "env") if isinstance(value.get(field), list) for e in value[field]]
    return any(map(_adds_each_time, value.values())) or any(
        not isinstance(e, dict) or e.get("name") is None for e in named
    )
