"""Each value does something, what does nothing is refused, and contradictions are told."""

import json

import pytest
from chart.matrix import DIGEST, EVERYTHING, MATRIX
from chart.rendered import Refused, merged, nested, own_values, render, text
from cluster.helm import CHART
from jsonschema import Draft7Validator

SCHEMA = json.loads((CHART / "values.schema.json").read_text())
_AFFINITY = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{}]}}}
_RULE = [{"to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}]}]
_PEER = [{"podSelector": {"matchLabels": {"app": "dns"}}}]
# Another value than the default for each one; where it shows only beside others, these are in EVERYTHING.
OTHER = {
    "image.repository": "other",
    "image.tag": "other",
    "image.digest": DIGEST,
    "image.pullPolicy": "Never",
    "imagePullSecrets": [{"name": "other"}],
    "worker.image.repository": "other",
    "worker.image.tag": "other",
    "worker.image.digest": DIGEST,
    "worker.image.pullPolicy": "Never",
    "worker.serviceAccountName": "other",
    "storage.uri": "s3://other",
    "storage.endpoint": "http://other",
    "storage.region": "other",
    "storage.secret": "other",
    "namespaces": ["other"],
    "tenancy.enabled": False,
    "crds.enabled": False,
    "crds.keep": False,
    "replicas": 3,
    "fixedUser": False,
    "resources": {"limits": {"memory": "2Gi"}},
    "nodeSelector": {"other": "label"},
    "tolerations": [{"operator": "Exists"}],
    "affinity": _AFFINITY,
    "priorityClassName": "other",
    "commonLabels": {"other": "label"},
    "podLabels": {"other": "label"},
    "podAnnotations": {"other": "annotation"},
    "fullnameOverride": "other",
    "serviceAccount.create": False,
    "serviceAccount.name": "other",
    "serviceAccount.annotations": {"other": "annotation"},
    "rbac.create": False,
    "rbac.aggregate": False,
    "metrics.serviceMonitor.enabled": True,
    "metrics.serviceMonitor.interval": "7s",
    "metrics.serviceMonitor.labels": {"other": "label"},
    "metrics.dashboard.enabled": True,
    "metrics.dashboard.labels": {"other": "label"},
    "metrics.alerts.enabled": True,
    "metrics.alerts.labels": {"other": "label"},
    "networkPolicy.enabled": True,
    "networkPolicy.dns": _PEER,
    "networkPolicy.operator.egress": _RULE,
    "networkPolicy.workers.namespaces": ["other"],
    "networkPolicy.workers.egress": _RULE,
}
# Where EVERYTHING says something that hides the value or contradicts it.
BESIDE = {
    "image.tag": {"image": {"digest": ""}},
    "image.digest": {"image": {"digest": ""}},
    "namespaces": {"networkPolicy": {"workers": {"namespaces": []}}},
    "serviceAccount.create": {"serviceAccount": {"name": "mine", "annotations": None}},
    "metrics.serviceMonitor.enabled": {"metrics": {"serviceMonitor": {"enabled": False}}},
    "metrics.dashboard.enabled": {"metrics": {"dashboard": {"enabled": False}}},
    "metrics.alerts.enabled": {"metrics": {"alerts": {"enabled": False}}},
    "networkPolicy.enabled": {"networkPolicy": {"enabled": False}},
}


def leaves(values: dict, path: str = "") -> dict[str, object]:
    """Every value by its path; a map that is empty or open (labels, quantities) is one value."""
    found: dict[str, object] = {}
    for key, value in values.items():
        schema_is_closed = isinstance(value, dict) and value and f"{path}{key}" not in OTHER
        found |= leaves(value, f"{path}{key}.") if schema_is_closed else {f"{path}{key}": value}
    return found


def test_every_value_is_tried():
    assert set(leaves(own_values())) == set(OTHER)


@pytest.mark.parametrize("path", OTHER)
def test_every_value_has_an_effect(path):
    before = merged(EVERYTHING, BESIDE.get(path, {}))
    if path == "namespaces":
        before = merged(before, {"namespaces": ["before"]})
    assert text(before) != text(merged(before, nested(path, OTHER[path])))


def test_the_values_of_the_chart_are_the_defaults_of_its_templates():
    """Nothing is hidden in a template: without values.yaml's own, helm renders the same as with them given."""
    assert text() == text(own_values())


# --- what is refused ---


def closed(schema: object, path: str = "") -> list[str]:
    """Paths of the schema whose objects take any key, except those of maps with a type for every entry."""
    if isinstance(schema, list):
        return [found for number, part in enumerate(schema) for found in closed(part, f"{path}[{number}]")]
    if not isinstance(schema, dict):
        return []
    is_open = schema.get("type") == "object" and schema.get("additionalProperties", True) is True
    inside = [found for key, part in schema.items() for found in closed(part, f"{path}.{key}")]
    return [path, *inside] if is_open else inside


def test_only_what_a_chart_around_this_one_says_is_open():
    assert closed(SCHEMA) == [".properties.global"]


def maps(values: object, path: tuple = ()) -> list[tuple]:
    """The paths of all maps in the values."""
    if isinstance(values, list):
        return [found for number, part in enumerate(values) for found in maps(part, (*path, number))]
    if not isinstance(values, dict):
        return []
    return [path, *(found for key, part in values.items() for found in maps(part, (*path, key)))]


def with_unknown_key(values: dict, path: tuple) -> dict:
    copy = json.loads(json.dumps(values))
    at = copy
    for step in path:
        at = at[step]
    at["unknownKey"] = {"a": 1}  # no text and no number: also a map of labels or quantities takes no map
    return copy


def test_an_unknown_key_is_refused_wherever_it_is():
    schema, given = Draft7Validator(SCHEMA), merged(own_values(), EVERYTHING)
    assert list(schema.iter_errors(given)) == []
    places = maps(given)
    assert len(places) > 40
    taken = [p for p in places if not list(schema.iter_errors(with_unknown_key(given, p)))]
    assert taken == []


@pytest.mark.parametrize("path", [(), ("image",), ("metrics", "serviceMonitor"), ("affinity", "nodeAffinity")])
def test_helm_refuses_an_unknown_key_by_its_name(path):
    with pytest.raises(Refused, match="unknownKey"):
        text(with_unknown_key(EVERYTHING, path))


WRONG = [
    ("image.digest", "latest"),
    ("image.pullPolicy", "Sometimes"),
    ("image.tag", "a b"),
    ("replicas", -1),
    ("replicas", "two"),
    ("fixedUser", 1000),
    ("storage.uri", "https://bucket"),
    ("storage.endpoint", "s3.example.org"),
    ("namespaces", ["Team_A"]),
    ("namespaces", ["team-a", "team-a"]),
    ("imagePullSecrets", ["registry"]),
    ("tolerations", [{"effect": "Never"}]),
    ("fullnameOverride", "a" * 51),
    ("commonLabels", {"app.kubernetes.io/name": "mine"}),
    ("podLabels", {"app.kubernetes.io/instance": "mine"}),
    ("podAnnotations", {"number": 1}),
    ("metrics.serviceMonitor.interval", "soon"),
    ("networkPolicy.dns", []),
]
CONTRADICTIONS = [
    ({"storage": {"endpoint": "https://s3.example.org"}}, "Set storage.uri"),
    ({"storage": {"region": "eu-1"}}, "Set storage.uri"),
    ({"storage": {"secret": "s3"}}, "Set storage.uri"),
    ({"storage": {"uri": "file:///srv", "secret": "s3"}}, "/srv is a folder"),
    ({"serviceAccount": {"create": False}}, "say in serviceAccount.name"),
    ({"serviceAccount": {"create": False, "name": "a", "annotations": {"b": "c"}}}, "serviceAccount.annotations"),
    ({"networkPolicy": {"enabled": True}}, "Say in networkPolicy.workers.namespaces"),
    (
        {"namespaces": ["team-a"], "networkPolicy": {"enabled": True, "workers": {"namespaces": ["team-b"]}}},
        "does not look after team-b",
    ),
]


@pytest.mark.parametrize(("path", "value"), WRONG)
def test_a_value_that_cannot_be_meant_is_refused(path, value):
    with pytest.raises(Refused, match=path.rpartition(".")[2]):
        text(nested(path, value))


@pytest.mark.parametrize(("values", "told"), CONTRADICTIONS)
def test_a_contradiction_is_told_with_what_to_do(values, told):
    with pytest.raises(Refused, match=told):
        text(values)


def test_a_chart_around_this_one_may_have_global_values():
    assert text({"global": {"registry": "elsewhere"}}) == text()


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_every_object_says_whose_it_is(values):
    for made in render(values):
        labels = made["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm" and labels["app.kubernetes.io/instance"] == "thinksafe"
        assert values.get("commonLabels", {}).items() <= labels.items(), made["kind"]
