"""The operator may do exactly what its code does: the chart's role against the API server's own log, both ways.

One operator, as the chart's service account, is led through all that it ever does: the pods are played, the API server
and its controllers are real. tests/e2e/test_least_privilege.py compares the same over the whole suite.
"""

import json
import subprocess
import threading
import uuid

import pytest
from api.player import playing, words
from api.running_operator import RunningOperator, install, wait_until
from api.tiny import tiny_run
from cluster.audit import Right, called, denied, granted
from cluster.binaries import binary
from cluster.crds import wait_until_served
from cluster.helm import template

from thinksafe_operator import names

KUEUE = {
    "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
    "metadata": {"name": "workloads.kueue.x-k8s.io"},
    "spec": {
        "group": "kueue.x-k8s.io", "scope": "Namespaced",
        "names": {"kind": "Workload", "plural": "workloads", "singular": "workload"},
        "versions": [{"name": "v1beta2", "served": True, "storage": True, "schema": {"openAPIV3Schema": {
            "type": "object", "x-kubernetes-preserve-unknown-fields": True}}}],
    },
}  # fmt: skip
LOG = Right("", "pods/log", "get")


class Story:
    """One run, from its first Job to its deletion by its TTL, with everything that can come between; an experiment."""

    def __init__(self, plane, namespace: str) -> None:
        self.plane, self.namespace = plane, namespace
        self.generating, self.go_on = threading.Event(), threading.Event()
        self.lost = False

    def kubectl(self, *args: str, input: dict | None = None) -> str:
        return self.plane.kubectl("-n", self.namespace, *args, input=json.dumps(input) if input else None)

    def run(self) -> dict:
        return json.loads(self.kubectl("get", "thinksaferun", "r", "-o", "json"))

    def end(self, stage: str) -> tuple[int, dict]:
        """How a worker of a stage ends: prepare's first Job is lost, generate waits until it is told to go on."""
        if stage == "prepare" and not self.lost:
            self.lost = True
            self.kubectl("delete", "jobs", "--all", "--cascade=foreground", "--wait=false")
        if stage == "generate":
            self.generating.set()
            assert self.go_on.wait(120)
        return 0, words(stage)

    def tell(self) -> None:
        more = {"queueName": "q", "ttlSecondsAfterFinished": 2, "stages": {"train": {"replicas": 2}}}
        self.kubectl("apply", "-f", "-", input=tiny_run("r", suspend=True, **more))
        self._own_service_is_there()
        self._suspend(False)
        assert self.generating.wait(120)
        wait_until(lambda: LOG in called(self.plane.plane.audit))  # its progress was asked for
        self._suspend(True)
        wait_until(lambda: self.run()["status"]["phase"] == "Suspended")
        self._suspend(False)
        self.go_on.set()
        self.kubectl("wait", "--for=delete", "thinksaferun/r", "--timeout=180s")
        self._tell_of_an_experiment()

    def _tell_of_an_experiment(self) -> None:
        """One that is suspended and resumed, and deleted by its TTL."""
        self.go_on.clear()
        self.generating.clear()
        run = tiny_run("e", queueName="q")["spec"]
        spec = {"run": run, "variants": [{"name": "a"}], "ttlSecondsAfterFinished": 2}
        made = {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeExperiment", "metadata": {"name": "e"}}
        self.kubectl("apply", "-f", "-", input={**made, "spec": spec})
        assert self.generating.wait(120)
        for suspend in (True, False):
            patch = json.dumps({"spec": {"suspend": suspend}})
            self.kubectl("patch", "thinksafeexperiment", "e", "--type=merge", "-p", patch)
            wait_until(lambda suspend=suspend: self._suspended() is suspend)
        self.go_on.set()
        self.kubectl("wait", "--for=delete", "thinksafeexperiment/e", "--timeout=180s")

    def _suspended(self) -> bool:
        return json.loads(self.kubectl("get", "thinksaferun", "e-a", "-o", "json"))["spec"].get("suspend", False)

    def _suspend(self, suspend: bool) -> None:
        self.kubectl("patch", "thinksaferun", "r", "--type=merge", "-p", json.dumps({"spec": {"suspend": suspend}}))

    def _own_service_is_there(self) -> None:
        """As an operator leaves it that ended between making the Service and making the Job."""
        meta = self.run()["metadata"]
        owner = {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeRun", "name": "r", "uid": meta["uid"]}
        name = names.service_name(names.job_name("r", meta["uid"], "train", 1))
        service = {"apiVersion": "v1", "kind": "Service", "spec": {"clusterIP": "None", "selector": {"a": "b"}}}
        owned = {"name": name, "ownerReferences": [{**owner, "controller": True}]}
        self.kubectl("apply", "-f", "-", input={**service, "metadata": owned})


@pytest.fixture(scope="module")
def record(controllers, tmp_path_factory) -> dict[Right, set[int]]:
    """What the operator called in all of that."""
    if controllers.plane is None:
        pytest.skip("the log of an API server that is not ours cannot be read")
    folder = tmp_path_factory.mktemp("operator")
    kubeconfig = install(controllers, folder)
    controllers.kubectl("apply", "-f", "-", input=json.dumps(KUEUE))
    wait_until_served(controllers, "/apis/kueue.x-k8s.io/v1beta2/workloads")
    namespace = f"least-{uuid.uuid4().hex[:6]}"
    controllers.kubectl("create", "namespace", namespace)
    story = Story(controllers, namespace)
    with RunningOperator(kubeconfig, folder) as operator, playing(controllers, namespace, story.end):
        operator.wait_until_ready()
        try:
            story.tell()
        finally:
            story.go_on.set()
    controllers.kubectl("delete", "crd", KUEUE["metadata"]["name"])
    controllers.kubectl("delete", "namespace", namespace, "--wait=false")
    return called(controllers.plane.audit)


@pytest.mark.timeout(1800)  # the programs may have to be built first
def test_nothing_is_called_that_is_not_granted(record: dict[Right, set[int]]):
    assert set(record) - granted(template()) == set()
    assert [right for right, codes in record.items() if 403 in codes] == []


def test_nothing_is_granted_that_is_never_called(record: dict[Right, set[int]]):
    assert granted(template()) - set(record) == set()


def test_no_secret_is_read(record: dict[Right, set[int]]):
    assert [right for right in {*record, *granted(template())} if right.resource.startswith("secrets")] == []


def test_a_role_in_a_namespace_grants_the_same():
    """And none of the objects of a release for some namespaces grants anything elsewhere."""
    own = template(namespaces=["a"])
    assert granted(own) == granted(template())
    bound = [o for o in own if o["kind"] in ("RoleBinding", "ClusterRoleBinding") and "helm.sh/hook" not in
             o["metadata"].get("annotations", {})]  # fmt: skip
    assert {(o["kind"], o["metadata"].get("namespace")) for o in bound} == {("RoleBinding", "a")}


def test_what_is_not_granted_shows_in_the_log(record: dict[Right, set[int]], controllers, tmp_path):
    """So that the tests above can fail; a refusal that is no matter of rights, such as a quota's, does not show."""
    log = controllers.plane.audit
    assert denied(log) == set()
    told = subprocess.run(
        [binary("kubectl"), "--kubeconfig", install(controllers, tmp_path), "get", "secrets", "-n", "default"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "forbidden" in told.stderr
    assert denied(log) == {Right("", "secrets", "list")}
