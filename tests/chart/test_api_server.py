"""A real API server takes what the chart renders, kubeconform and kube-score find nothing in it."""

import importlib.util
import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from chart import played, schemas
from chart.matrix import EVERYTHING, MATRIX, NAMESPACES
from chart.rendered import find, is_hook, merged, one, render, text
from cluster.access import Access
from cluster.binaries import binary
from cluster.crds import install_crds, wait_until_served
from cluster.helm import CHART
from kubernetes import client, config

OPTIONAL_CHECKS = ("container-seccomp-profile", "container-ports-check", "container-security-context-privileged")


@dataclass(frozen=True)
class Place:
    """An API server with the namespaces of a release, which admit restricted pods alone."""

    access: Access
    system: str
    teams: tuple[str, ...]

    def values(self, name: str) -> dict:
        """Values of the matrix, for the namespaces that are here."""
        said = json.dumps(MATRIX[name])
        for given, real in zip(NAMESPACES, self.teams, strict=True):
            said = said.replace(f'"{given}"', f'"{real}"')
        return json.loads(said)

    def objects(self, name: str) -> list[dict]:
        return render(self.values(name), namespace=self.system)

    def apply(self, *objects: dict, dry_run: bool = False) -> str:
        listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        dry = ("--dry-run=server",) if dry_run else ()
        how = ("--server-side", "--force-conflicts", "--validate=strict", *dry)
        return self.access.kubectl("apply", *how, "-f", "-", input=listed)


@pytest.fixture(scope="module")
def place(control_plane: Access) -> Iterator[Place]:
    install_crds(control_plane)
    name = f"chart-{os.urandom(4).hex()}"
    made = Place(control_plane, name, (f"{name}-a", f"{name}-b"))
    known = control_plane.kubectl("get", "crds", "-o", "name")
    missing = [d for d in played.DEFINITIONS if d["metadata"]["name"] not in known]
    namespaces = [_namespace(n) for n in (made.system, *made.teams)]
    accounts = [o for o in made.objects("default") if o["kind"] == "ServiceAccount"]
    made.apply(*missing, *namespaces)
    made.apply(*accounts)
    for definition in missing:
        wait_until_served(control_plane, f"/apis/monitoring.coreos.com/v1/{definition['spec']['names']['plural']}")
    yield made
    for definition in missing:
        control_plane.kubectl("delete", "crd", definition["metadata"]["name"])
    control_plane.kubectl("delete", "namespaces", made.system, *made.teams, "--wait=false")


def _namespace(name: str) -> dict:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.mark.parametrize("name", MATRIX)
def test_the_api_server_takes_every_object(place, name):
    """In a dry run, strictly: an unknown field is an error. The pods are judged as restricted."""
    objects = place.objects(name)
    pod = one(objects, "Deployment")["spec"]["template"]
    account = {"serviceAccountName": "thinksafe-operator"}  # the one that is there
    as_pod = {"apiVersion": "v1", "kind": "Pod", "spec": {**pod["spec"], **account}}
    metadata = {**pod["metadata"], "name": "operator", "namespace": place.system}
    answer = place.apply(*objects, {**as_pod, "metadata": metadata}, dry_run=True)
    assert answer.count("(server dry run)") == len(objects) + 1


@pytest.fixture(scope="module")
def known_kinds(place, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("schemas")
    schemas.write(place.access, [o for name in MATRIX for o in place.objects(name)], folder)
    return folder


def kubeconform(folder: Path, manifest: str) -> subprocess.CompletedProcess[str]:
    flags = ["-strict", "-summary", f"-schema-location={folder}/{schemas.LOCATION}"]
    return subprocess.run([binary("kubeconform"), *flags], input=manifest, capture_output=True, text=True)


@pytest.mark.parametrize("name", MATRIX)
def test_kubeconform_finds_nothing(place, known_kinds, name):
    done = kubeconform(known_kinds, text(place.values(name), namespace=place.system))
    assert done.returncode == 0, done.stdout
    count = len(place.objects(name))
    assert f"Summary: {count} resources found" in done.stdout and f"Valid: {count}," in done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("  replicas: 1", "  replicas: many"), ("      containers:", "      noSuchField: 1\n      containers:")],
)
def test_kubeconform_would_find_what_is_wrong(place, known_kinds, right, wrong):
    broken = text(namespace=place.system).replace(right, wrong, 1)
    assert broken != text(namespace=place.system)
    assert kubeconform(known_kinds, broken).returncode == 1


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_kube_score_finds_nothing_but_what_is_explained(values):
    optional = [f"--enable-optional-test={check}" for check in OPTIONAL_CHECKS]
    command = [binary("kube-score"), "score", "-", "--exit-one-on-warning", "--output-format=ci", *optional]
    done = subprocess.run(command, input=text(values), capture_output=True, text=True)
    found = [line for line in done.stdout.splitlines() if not line.startswith(("[OK]", "[SKIPPED]"))]
    assert found == [] and done.returncode == 0, done.stderr


def test_every_check_that_is_left_out_is_explained_beside_it():
    for template in (CHART / "templates").rglob("*.yaml"):
        lines = [line.strip() for line in template.read_text().splitlines()]
        comments = " ".join(line for line in lines if line.startswith("#"))
        for ignored in [line.partition(":")[2] for line in lines if line.startswith("kube-score/ignore:")]:
            assert [check for check in ignored.split(",") if check.strip() not in comments] == [], template


# --- who may do what ---


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("view", ["get", "list", "watch"], ["create", "delete"]),
        ("edit", ["get", "list", "watch", "create", "update", "patch", "delete"], ["deletecollection"]),
        ("admin", ["get", "create", "delete", "deletecollection"], []),
    ],
)
def test_the_clusters_own_roles_reach_runs(controllers, role, may, may_not):
    """With the controller that gathers rules. Nobody of them may write a status."""
    install_crds(controllers)
    name = f"chart-{role}-{os.urandom(4).hex()}"
    made = Place(controllers, name, ())
    roles = [o for o in render(release=name) if o["kind"] == "ClusterRole" and "aggregate" in str(o["metadata"])]
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "jane", "namespace": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"}],
    }
    made.apply(_namespace(name))
    made.apply(*roles, binding)
    try:
        end = time.monotonic() + 30
        while not _may(controllers, name, may[-1]) and time.monotonic() < end:
            time.sleep(0.1)  # the rules are gathered a moment later
        told = {v: _may(controllers, name, v) for v in (*may, *may_not)}
        assert told == dict.fromkeys(may, True) | dict.fromkeys(may_not, False)
        assert not _may(controllers, name, "patch", "--subresource=status")
    finally:
        controllers.kubectl("delete", "clusterroles", *(r["metadata"]["name"] for r in roles))
        controllers.kubectl("delete", "namespace", name, "--wait=false")


def _may(access: Access, namespace: str, verb: str, *more: str) -> bool:
    """Whether jane may do this with the runs of the namespace."""
    asked = ("auth", "can-i", verb, "thinksaferuns", "-n", namespace, "--as=jane", *more)
    return access.kubectl(*asked, check=False).strip() == "yes"


# --- helm test ---


@pytest.fixture
def dry_run():
    """The program of the test pod."""
    spec = importlib.util.spec_from_file_location("dry_run", CHART / "files" / "dry_run.py")
    assert spec and spec.loader
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program


def as_helm_test(place: Place) -> client.CustomObjectsApi:
    """The API as the test pod's service account has it."""
    token = place.access.kubectl("create", "token", "thinksafe-operator-test", "-n", place.system).strip()
    known = json.loads(place.access.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    known["users"] = [{"name": known["users"][0]["name"], "user": {"token": token}}]
    return client.CustomObjectsApi(config.new_client_from_config_dict(known))


def test_helm_test_takes_a_right_run_and_refuses_a_wrong_one_and_stores_neither(place, dry_run):
    api = as_helm_test(place)
    assert "403" in dry_run.refusal(api, place.system, dry_run.run())
    place.apply(*(o for o in place.objects("default") if is_hook(o) and o["kind"] in ("Role", "RoleBinding")))
    assert dry_run.refusal(api, place.system, dry_run.run()) == ""
    assert "samples" in dry_run.refusal(api, place.system, dry_run.run(generation={"samples": 0}))
    assert "403" in dry_run.refusal(api, place.teams[0], dry_run.run())
    assert place.access.kubectl("get", "thinksaferuns", "-n", place.system, "-o", "name") == ""


def test_the_pod_of_helm_test_runs_that_program():
    (container,) = next(o for o in render() if o["kind"] == "Pod" and is_hook(o))["spec"]["containers"]
    assert container["command"] == ["python", "-c"]
    assert container["args"] == [(CHART / "files" / "dry_run.py").read_text()]
    assert "$(" not in container["args"][0]  # the kubelet would replace it


def test_nothing_of_helm_test_stays():
    hooks = [o for o in render(EVERYTHING) if is_hook(o)]
    assert {o["kind"] for o in hooks} == {"Pod", "ServiceAccount", "Role", "RoleBinding"}
    for made in hooks:
        policy = made["metadata"]["annotations"]["helm.sh/hook-delete-policy"].split(",")
        assert set(policy) == {"before-hook-creation", "hook-succeeded", "hook-failed"}
    weights = {o["kind"]: int(o["metadata"]["annotations"].get("helm.sh/hook-weight", 0)) for o in hooks}
    assert max(weights["ServiceAccount"], weights["Role"]) < weights["RoleBinding"] < weights["Pod"]


def test_there_is_no_other_hook():
    other = [o for o in render(merged(EVERYTHING, {"namespaces": NAMESPACES})) if is_hook(o)]
    assert all(o["metadata"]["annotations"]["helm.sh/hook"] == "test" for o in other)
    assert find(render(), "Job") == []
