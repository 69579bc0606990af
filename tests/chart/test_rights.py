"""What the chart allows whom: the operator, and those who may view, edit or administer a namespace."""

import pytest
from chart.matrix import MATRIX, NAMESPACES
from chart.rendered import SYSTEM, find, hook, is_hook, one, render

# What the operator's code asks of the API server, resource by resource; nothing else is granted.
NEEDED = {
    ("thinksafe.dev", "thinksaferuns"): {"get", "list", "watch", "create", "patch", "delete"},
    ("thinksafe.dev", "thinksafeexperiments"): {"get", "list", "watch", "delete"},
    ("thinksafe.dev", "thinksaferuns/status"): {"patch"},
    ("thinksafe.dev", "thinksafeexperiments/status"): {"patch"},
    ("batch", "jobs"): {"get", "list", "watch", "create", "delete"},
    ("", "pods"): {"list", "watch"},
    ("", "pods/log"): {"get"},
    ("", "configmaps"): {"get", "create"},
    ("", "services"): {"get", "create"},
    ("", "events"): {"list", "watch"},
    ("events.k8s.io", "events"): {"create"},
    ("kueue.x-k8s.io", "workloads"): {"list", "watch"},
}
ROLES = ("Role", "ClusterRole")


def granted(role: dict) -> dict[tuple[str, str], set[str]]:
    rights: dict[tuple[str, str], set[str]] = {}
    for rule in role["rules"]:
        assert set(rule) == {"apiGroups", "resources", "verbs"}
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                rights.setdefault((group, resource), set()).update(rule["verbs"])
    return rights


def test_the_whole_cluster_is_a_cluster_role_with_what_the_operator_needs():
    objects = render()
    assert granted(one(objects, "ClusterRole", "thinksafe-operator")) == NEEDED
    binding = one(objects, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == "thinksafe-operator"
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "thinksafe-operator", "namespace": SYSTEM}]
    assert find(objects, "Role") == []


def test_namespaces_are_a_role_in_each_and_nothing_in_the_cluster():
    objects = render({"namespaces": NAMESPACES})
    assert [o["metadata"]["namespace"] for o in find(objects, "Role")] == NAMESPACES
    assert all(granted(role) == NEEDED for role in find(objects, "Role"))
    bindings = find(objects, "RoleBinding")
    assert [o["metadata"]["namespace"] for o in bindings] == NAMESPACES
    for binding in bindings:
        assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == ("Role", "thinksafe-operator")
        assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "thinksafe-operator", "namespace": SYSTEM}]
    of_the_cluster = {o["kind"] for o in objects if "namespace" not in o["metadata"]}
    policy = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert of_the_cluster - policy == {"CustomResourceDefinition"}


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_nothing_is_granted_on_secrets_or_by_a_wildcard(values):
    for role in (o for o in render(values) if o["kind"] in ROLES):
        for (group, resource), verbs in granted(role).items():
            assert "*" not in {group, resource, *verbs}, role["metadata"]["name"]
            assert resource != "secrets" and group != "rbac.authorization.k8s.io"


def test_the_right_service_account_gets_them():
    objects = render({"serviceAccount": {"create": False, "name": "mine"}})
    assert find(objects, "ServiceAccount") == []
    assert one(objects, "ClusterRoleBinding")["subjects"][0]["name"] == "mine"
    assert one(objects, "Deployment")["spec"]["template"]["spec"]["serviceAccountName"] == "mine"


def test_without_rbac_no_role_is_left():
    objects = render({"rbac": {"create": False, "aggregate": False}})
    kinds = {o["kind"] for o in objects}
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def test_who_may_change_only_the_own_namespace_can_install_the_rest():
    without = {
        "rbac": {"create": False, "aggregate": False},
        "crds": {"enabled": False},
        "tenancy": {"enabled": False},
    }
    assert {o["metadata"].get("namespace") for o in render(without)} == {SYSTEM}


def test_the_clusters_own_roles_learn_of_runs_and_experiments():
    objects = render()
    verbs = {}
    for role in find(objects, "ClusterRole"):
        labels = role["metadata"]["labels"]
        for audience in ("view", "edit", "admin"):
            if f"rbac.authorization.k8s.io/aggregate-to-{audience}" in labels:
                verbs[audience] = granted(role)
    kinds = [("thinksafe.dev", "thinksaferuns"), ("thinksafe.dev", "thinksafeexperiments")]
    assert verbs == {
        "view": {kind: {"get", "list", "watch"} for kind in kinds},
        "edit": {kind: {"create", "update", "patch", "delete"} for kind in kinds},
        "admin": {kind: {"deletecollection"} for kind in kinds},
    }


def test_the_operators_own_role_reaches_no_other_by_aggregation():
    labels = one(render(), "ClusterRole", "thinksafe-operator")["metadata"]["labels"]
    assert not [label for label in labels if label.startswith("rbac.authorization.k8s.io/")]


def test_helm_test_may_create_runs_in_its_own_namespace_and_nothing_else():
    objects = render()
    role, binding = hook(objects, "Role"), hook(objects, "RoleBinding")
    assert granted(role) == {("thinksafe.dev", "thinksaferuns"): {"create"}}
    account = hook(objects, "ServiceAccount")["metadata"]["name"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": account, "namespace": SYSTEM}]
    assert hook(objects, "Pod")["spec"]["serviceAccountName"] == account != "thinksafe-operator"
    assert {o["metadata"]["namespace"] for o in objects if is_hook(o)} == {SYSTEM}
