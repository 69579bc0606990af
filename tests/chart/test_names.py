"""Names and labels, whatever the release is called."""

import re

import pytest
from chart.matrix import EVERYTHING, NAMESPACES
from chart.rendered import find, merged, one, render

LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
LONGEST = "a" * 53  # what helm allows


@pytest.mark.parametrize(
    ("release", "name"),
    [
        ("thinksafe", "thinksafe-operator"),
        ("thinksafe-operator", "thinksafe-operator"),
        ("my-thinksafe", "my-thinksafe-operator"),
        ("alignment", "alignment-thinksafe-operator"),
        ("1", "1-thinksafe-operator"),
        (LONGEST, "a" * 31 + "-thinksafe-operator"),
        ("a" * 30 + "-thinksafe", "a" * 30 + "-thinksafe-operator"),
        ("a" * 30 + "-" + "b" * 20, "a" * 30 + "-thinksafe-operator"),
    ],
)
def test_the_deployment_is_named_for_the_release(release, name):
    objects = render(release=release)
    assert one(objects, "Deployment")["metadata"]["name"] == name
    assert one(objects, "ServiceAccount")["metadata"]["name"] == name


def test_another_name_can_be_given():
    objects = render({"fullnameOverride": "safety"})
    assert one(objects, "Deployment")["metadata"]["name"] == "safety"
    assert one(objects, "ClusterRoleBinding")["roleRef"]["name"] == "safety"


@pytest.mark.parametrize(
    "release", ["thinksafe", LONGEST, "x-" + "thinksafe-" * 5 + "y", "a" * 35 + "thinksafe-operator"]
)
@pytest.mark.parametrize("namespaces", [[], NAMESPACES], ids=["cluster", "namespaced"])
def test_no_name_or_label_is_too_long_and_none_is_there_twice(release, namespaces):
    objects = render(merged(EVERYTHING, {"namespaces": namespaces}), release=release)
    for made in objects:
        metadata = made["metadata"]
        if made["kind"] not in ("CustomResourceDefinition", "ValidatingAdmissionPolicy"):
            assert len(metadata["name"]) <= 63, metadata["name"]
        for value in metadata["labels"].values():
            assert len(value) <= 63 and LABEL.fullmatch(value), value
    named = [(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in objects]
    assert len(set(named)) == len(named)


def test_a_release_named_by_a_number_has_a_text_as_its_label():
    assert (
        one(render(release="1"), "Deployment")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "1"
    )
    policy = one(render({**EVERYTHING, "fullnameOverride": "x"}, release="1", namespace="2"), "NetworkPolicy", "x")
    assert policy["metadata"]["namespace"] == "2"
    assert policy["spec"]["podSelector"]["matchExpressions"][1]["values"] == ["1"]


def test_everything_of_the_release_is_in_its_namespace():
    elsewhere = render(namespace="elsewhere")
    assert {o["metadata"]["namespace"] for o in elsewhere if "namespace" in o["metadata"]} == {"elsewhere"}
    assert find(elsewhere, "Namespace") == []
