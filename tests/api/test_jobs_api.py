"""A real API server takes what jobs.py makes, in a namespace that allows restricted pods only, without a warning."""

import json
import re
from dataclasses import replace

import pytest
from cluster.access import Access
from unit.operator import specs

from api.places import Place, new_place
from thinksafe.spec import API_VERSION, KIND, Storage
from thinksafe_operator.jobs import children
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Run

SETTINGS = Settings(
    worker_image="registry.example/worker:1", worker_image_pull_policy="IfNotPresent",
    worker_service_account="default", storage=Storage(uri="s3://shared/all", credentials_secret="s3"),
)  # fmt: skip
GPU = {"resources": {"limits": {"nvidia.com/gpu": 1}, "requests": {"cpu": 4, "memory": "32Gi"}}}
EVERYTHING = {
    "image": "registry.example/own:2", "nodeSelector": {"pool": "a100"}, "serviceAccountName": "default",
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "env": [
        {"name": "OMP_NUM_THREADS", "value": "1"},
        {"name": "AWS_ACCESS_KEY_ID", "value": "literal"},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token", "optional": True}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ],
    "envFrom": [{"configMapRef": {"name": "more", "optional": True}}, {"prefix": "X_", "secretRef": {"name": "x"}}],
    "volumes": [{"name": "scratch", "persistentVolumeClaim": {"claimName": "d"}}, {"name": "v", "emptyDir": {}}],
    "volumeMounts": [{"name": "v", "mountPath": "/v"}], "imagePullSecrets": [{"name": "pull"}],
    "runtimeClassName": "nvidia", "priorityClassName": "high", "schedulerName": "other", "sharedMemory": "8Gi",
    "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "h100", "request": "big"}],
    "podRetries": 0, **GPU,
    "podTemplate": {
        "metadata": {"annotations": {"a": "b"}, "labels": {"team": "red"}},
        "spec": {
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["mirror"]}],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "Exists"}]}},
            ]}},
            "containers": [{"name": "worker", "workingDir": "/scratch"}],
        },
    },
}  # fmt: skip
OPENSHIFT = {"podTemplate": {"spec": {"securityContext": {
    "$patch": "replace", "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"},
}}}}  # fmt: skip
MATRIX: dict[str, dict] = {
    "the shortest": {},
    "the operator's storage": {"storage": None},
    "storage with everything": {
        "storage": {"uri": "s3://b", "endpoint": "http://s3:7070", "region": "x", "credentialsSecret": "s3"}
    },
    "a GPU for every stage": {"workers": GPU},
    "many workers": {"stages": {s: {"replicas": 1024, **GPU} for s in ("generate", "filter", "evaluate")}},
    "training in two pods of eight": {
        "stages": {"train": {"replicas": 2, "resources": {"limits": {"nvidia.com/gpu": 8}}}}
    },
    "every field": {"workers": EVERYTHING, "queueName": "gpu-queue"},
    "a cache in a claim": {"modelCache": {"persistentVolumeClaim": "models"}},
    "no user number": {"workers": OPENSHIFT},
}


@pytest.fixture(scope="module")
def place(control_plane: Access) -> Place:
    return new_place(control_plane)


def pod_of(job: dict) -> dict:
    """The pod of index 0, as the Job controller makes it."""
    template, name = job["spec"]["template"], job["metadata"]["name"]
    metadata = {**template["metadata"], "name": f"{name}-0-abcde", "namespace": job["metadata"]["namespace"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
            "spec": {**template["spec"], "hostname": f"{name}-0"}}  # fmt: skip


def with_pods(objects: list[dict]) -> list[dict]:
    return [*objects, *(pod_of(o) for o in objects if o["kind"] == "Job")]


def every_stage(run: Run) -> list[dict]:
    attempts = [Attempt(stage, n, ("bad-node", "worse-node")) for n, stage in enumerate(specs.STAGES, start=98)]
    return [o for a in attempts for o in with_pods(children(run, a, SETTINGS))]


@pytest.mark.timeout(1800)  # the programs may have to be built first
@pytest.mark.parametrize("fields", MATRIX.values(), ids=MATRIX.keys())
def test_the_children_of_every_stage_are_taken(place: Place, fields: dict):
    objects = every_stage(place.run(**fields))
    assert len(place.would_create(objects)) == len(objects)


@pytest.mark.parametrize("name", ["7", "a" * 40, "a" * 27 + "-b", "7-" + "a" * 38])
def test_every_name_of_a_run_makes_names_that_are_taken(place: Place, name: str):
    objects = every_stage(place.run(name, stages={"generate": {"replicas": 1024}, "train": {"replicas": 2}}))
    assert len(place.would_create(objects)) == len(objects)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"hostNetwork": True}, "violates PodSecurity"),
        (
            {"containers": [{"name": "worker", "securityContext": {
                "privileged": True, "allowPrivilegeEscalation": True,
            }}]},
            "violates PodSecurity",
        ),
        ({"volumes": [{"name": "scratch", "hostPath": {"path": "/"}}]}, "violates PodSecurity"),
        ({"restartPolicy": "OnFailure"}, "spec.template.spec.restartPolicy"),
    ],
    ids=["host network", "privileged", "host path", "restart policy"],
)  # fmt: skip
def test_what_a_pod_template_must_not_say_is_refused_by_name(place: Place, spec: dict, said: str):
    run = place.run(workers={"podTemplate": {"spec": spec}})
    with pytest.raises(RuntimeError, match=re.escape(said)):
        place.would_create(with_pods(children(run, Attempt("generate", 1), SETTINGS)))


def test_a_misspelt_field_of_a_pod_template_is_refused_with_its_path(place: Place):
    """As kube.py asks for it: strict, by the server. kubectl on its own would look into a schema of its own."""
    run = place.run(workers={"podTemplate": {"spec": {"containers": [{"name": "worker", "stdIn": True}]}}})
    job = children(run, Attempt("generate", 1), SETTINGS)[-1]
    path = f"/apis/batch/v1/namespaces/{place.namespace}/jobs?fieldValidation=Strict&dryRun=All"
    with pytest.raises(RuntimeError, match=r"spec\.template\.spec\.containers\[0\]\.stdIn"):
        place.server.kubectl("create", "--raw", path, "-f", "-", input=json.dumps(job))


@pytest.mark.usefixtures("runs")  # the CRD is there
@pytest.mark.parametrize("flags", [[], ["--server-side"]], ids=["apply", "server-side apply"])
def test_what_a_pod_template_removes_is_removed(place: Place, flags: list[str]):
    """However the run was applied: on the way, nulls would get lost."""
    made = place.run("removes", workers=OPENSHIFT)
    metadata = {"name": made.name, "namespace": place.namespace}
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": made.spec}
    stored = place.server.kubectl(
        "apply", "--dry-run=server", "-o", "json", *flags, "-f", "-", input=json.dumps(manifest)
    )
    read = replace(made, spec=json.loads(stored)["spec"])
    pod = children(read, Attempt("generate", 1), SETTINGS)[-1]["spec"]["template"]["spec"]
    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}


def test_pods_without_a_user_number_are_taken(place: Place):
    settings = replace(SETTINGS, worker_fixed_user=False)
    objects = with_pods(children(place.run(), Attempt("generate", 1), settings))
    assert len(place.would_create(objects)) == len(objects)


def test_a_cache_in_an_image_is_as_restricted_as_any_volume(place: Place):
    assert place.would_create(every_stage(place.run(modelCache={"image": "registry.example/models:1"})))


def test_a_cache_on_the_node_needs_a_namespace_that_allows_more(place: Place):
    objects = every_stage(place.run(modelCache={"hostPath": "/srv/models"}))
    with pytest.raises(RuntimeError, match="violates PodSecurity"):
        place.would_create(objects)
