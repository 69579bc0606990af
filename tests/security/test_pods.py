"""What a manifest makes of a worker's pod is judged by Pod Security, as any pod of the namespace is.

Pod Security is the API server's own; that a run tells its refusal is in tests/e2e/test_failures.py.
"""

import json
import os

import pytest
from cluster.access import Access

from thinksafe_operator.jobs import children
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Run

MANIFEST = {
    "model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}], "storage": {"uri": "s3://b"},
}  # fmt: skip
STAGES = ("prepare", "generate", "filter", "train", "evaluate", "report")


def pod(stage: str = "prepare", **spec: object) -> dict:
    """The pod of a stage's Job, as the Job's controller would make it."""
    run = Run(name="r", namespace="n", uid="u", resource_version="1", generation=1, created=0.0, deleting=False,
              spec={**MANIFEST, **spec}, status={})  # fmt: skip
    template = children(run, Attempt(stage, 1), Settings(worker_image="worker"))[-1]["spec"]["template"]
    metadata = {**template["metadata"], "name": "worker"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def shaped(**pod_spec: object) -> dict:
    return {"workers": {"podTemplate": {"spec": pod_spec}}}


def worker(**container: object) -> dict:
    return shaped(containers=[{"name": "worker", **container}])


@pytest.fixture(scope="module")
def restricted(control_plane: Access):
    """Try a pod in a namespace that enforces Pod Security's "restricted"; what kubectl says."""
    name = f"restricted-{os.urandom(4).hex()}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": name}}
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
    both = {"apiVersion": "v1", "kind": "List", "items": [space, account]}
    control_plane.kubectl("apply", "-f", "-", input=json.dumps(both))

    def attempt(pod: dict) -> str:
        try:
            return control_plane.kubectl("create", "--dry-run=server", "-n", name, "-f", "-", input=json.dumps(pod))
        except RuntimeError as refused:
            return str(refused)

    yield attempt
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("stage", STAGES)
def test_the_pods_of_every_stage_are_restricted(restricted, stage: str):
    cache = {"modelCache": {"persistentVolumeClaim": "models"}}
    assert "pod/worker created" in restricted(pod(stage, **cache))


@pytest.mark.parametrize("stage", STAGES)
def test_a_worker_has_no_token(restricted, stage: str):
    """Nor does a service account of its own give it one."""
    made = pod(stage, workers={"serviceAccountName": "trainer"})["spec"]
    assert made["automountServiceAccountToken"] is False
    assert not [v for v in made["volumes"] if "projected" in v]


EVIL = {
    "privileged": worker(securityContext={"privileged": True, "allowPrivilegeEscalation": True}),
    "as root": worker(securityContext={"runAsUser": 0, "runAsNonRoot": False}),
    "capabilities": worker(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}),
    "host network": shaped(hostNetwork=True),
    "host processes": shaped(hostPID=True),
    "host ipc": shaped(hostIPC=True),
    "host path by podTemplate": shaped(volumes=[{"name": "host", "hostPath": {"path": "/"}}]),
    "host path by volumes": {"workers": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}},
    "host path of one stage": {"stages": {"prepare": {"volumes": [{"name": "h", "hostPath": {"path": "/etc"}}]}}},
    "host path as cache": {"modelCache": {"hostPath": "/var/lib/kubelet"}},
    "host port": worker(ports=[{"containerPort": 80, "hostPort": 80}]),
    "no seccomp": shaped(securityContext={"seccompProfile": {"type": "Unconfined"}}),
    "a container beside it": shaped(containers=[{"name": "more", "image": "x"}]),
    "a container before it": shaped(initContainers=[{"name": "more", "image": "x"}]),
}


@pytest.mark.parametrize("what", EVIL)
def test_a_pod_that_reaches_for_the_node_is_refused(restricted, what: str):
    told = restricted(pod(**EVIL[what]))
    assert 'violates PodSecurity "restricted' in told
    assert "forbidden" in told
