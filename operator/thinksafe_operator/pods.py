"""The pod of a worker: what every stage has in common, and what a run may change of it. Pure.

Three layers, each laid over the one before (merge.py): what is written here, the run's own fields for the stage, and
its podTemplate. What is written here meets Pod Security's "restricted".

A podTemplate can undo all of it: privileged containers, host paths and namespaces, another service account, a secret
of the namespace as a variable. Nothing of that is blocked here: what a run of a namespace may name is for the chart's
tenancy policy to say, before the run is stored, and what its pods may do for the cluster's Pod Security admission,
which sees these pods as it sees any other (docs/security.md). Where neither is there, rights to create runs are rights
to create Pods.
"""

from dataclasses import dataclass
from typing import Any

from thinksafe.errors import SettingsError
from thinksafe.pods import ModelCache, PodSettings, Stage
from thinksafe.spec import RunSpec
from thinksafe_operator import names
from thinksafe_operator.accelerators import processes
from thinksafe_operator.merge import merge
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Run
from thinksafe_operator.storage import literal, storage_of, variables

WORKER = "worker"
FOLDER, MANIFEST_FILE = "/etc/thinksafe", "run.yaml"
MASTER_PORT = 29500
# The image's own user. Any other number works as well, as on OpenShift, which gives each namespace its own.
USER = 65532
_FIXED_USER = {"runAsUser": USER, "runAsGroup": USER, "fsGroup": USER}
# Time from SIGTERM to SIGKILL, in seconds: to checkpoint an adapter, to commit what is done, to stop.
_GRACE = {"train": 300, "generate": 60, "filter": 60, "evaluate": 60, "prepare": 30, "report": 30}


@dataclass(frozen=True)
class Task:
    """What a pod is to do, in the Job of this name: of a run's attempt, or of an experiment's comparison.

    `stage`: that whose settings hold for it. `words`: what the command says before the place of the store. `avoid`:
    nodes on which an accelerator failed before.
    """

    namespace: str
    job: str
    stage: str
    config_map: str
    words: tuple[str, ...]
    labels: dict[str, str]
    avoid: tuple[str, ...] = ()


def task_of(run: Run, attempt: Attempt) -> Task:
    """The task of a stage's attempt."""
    return Task(
        namespace=run.namespace,
        job=names.job_name(run.name, run.uid, attempt.stage, attempt.attempt),
        stage=attempt.stage,
        config_map=names.manifest_name(run.name, run.uid),
        words=("worker", attempt.stage, f"{FOLDER}/{MANIFEST_FILE}", "--uid", run.uid),
        labels=labels(run, attempt),
        avoid=attempt.avoid,
    )


def template(task: Task, spec: RunSpec, stage: Stage, settings: Settings) -> dict:
    """The pod template of the task's Job. `stage` holds the settings that hold for it (thinksafe.placement).

    Raises SettingsError if there is no storage, or if a podTemplate takes the worker away.
    """
    merged = merge(_ours(task, spec, stage, settings), _fields(stage))
    for part in (spec.workers, own_settings(spec, task.stage)):
        merged = merge(merged, _patch(part))
    return _finished(merged, task)


def labels(run: Run, attempt: Attempt) -> dict[str, str]:
    """By these the operator finds a run's Jobs and pods."""
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_RUN: run.name,
        names.LABEL_RUN_UID: run.uid,
        names.LABEL_STAGE: attempt.stage,
        names.LABEL_ATTEMPT: str(attempt.attempt),
    }


def base_stage(stage: str) -> str:
    """The stage without its rung: generate of generate-2."""
    return stage.partition("-")[0]


def own_settings(spec: RunSpec, stage: str) -> Stage:
    """What the manifest says for this stage alone."""
    return getattr(spec.stages, base_stage(stage))


def is_gang(stage: str, replicas: int) -> bool:
    """Whether the workers talk to each other, so that all are there or none: training over several pods."""
    return stage == "train" and replicas > 1


def _ours(task: Task, spec: RunSpec, stage: Stage, settings: Settings) -> dict:
    replicas = stage.replicas
    pod: dict[str, Any] = {
        "restartPolicy": "Never",  # podFailurePolicy needs it; the Job makes new pods
        "terminationGracePeriodSeconds": _GRACE[base_stage(task.stage)],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            **(_FIXED_USER if settings.worker_fixed_user else {}),
            "fsGroupChangePolicy": "OnRootMismatch",  # else each pod start walks through a cache of terabytes
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_worker(task, spec, replicas, settings)],
        "volumes": [
            {"name": "run", "configMap": {"name": task.config_map}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "shared-memory", "emptyDir": _memory(stage.shared_memory)},
        ],
    }
    if spec.model_cache is not None:
        pod["volumes"].append({"name": "models", **_source(spec.model_cache)})
    if settings.worker_service_account:
        pod["serviceAccountName"] = settings.worker_service_account
    if is_gang(task.stage, replicas):
        pod["subdomain"] = names.service_name(task.job)
    return {"metadata": {"labels": task.labels}, "spec": pod}


def _worker(task: Task, spec: RunSpec, replicas: int, settings: Settings) -> dict:
    storage = storage_of(spec, settings, task.namespace)
    cache = spec.model_cache
    mounts: list[dict[str, Any]] = [
        {"name": "run", "mountPath": FOLDER, "readOnly": True},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "shared-memory", "mountPath": "/dev/shm"},
    ]
    if cache is not None:
        # A claim is a cache that fills itself; a node's folder and an image are only read.
        read_only = {} if cache.persistent_volume_claim else {"readOnly": True}
        mounts.append({"name": "models", "mountPath": "/models", **read_only})
    return {
        "name": WORKER,
        "image": settings.worker_image,
        **({"imagePullPolicy": settings.worker_image_pull_policy} if settings.worker_image_pull_policy else {}),
        "args": [*(literal(word) for word in task.words), "--store", literal(storage.uri)],
        "env": [*_environment(task, replicas, cached=cache is not None), *variables(storage)],
        "volumeMounts": mounts,
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
    }


def _environment(task: Task, replicas: int, *, cached: bool) -> list[dict]:
    env = {
        "THINKSAFE_WORKERS": str(replicas),
        "THINKSAFE_TERMINATION_LOG": "/dev/termination-log",
        "THINKSAFE_SCRATCH": "/scratch",
        "HF_HOME": "/models/huggingface" if cached else "/scratch/huggingface",
        "HOME": "/scratch/home",
        "TMPDIR": "/scratch/tmp",
    }
    if is_gang(task.stage, replicas):
        env |= {"MASTER_ADDR": f"{task.job}-0.{names.service_name(task.job)}", "MASTER_PORT": str(MASTER_PORT)}
    return [{"name": name, "value": value} for name, value in env.items()]


def _memory(limit: str | int | None) -> dict:
    return {"medium": "Memory"} | ({"sizeLimit": limit} if limit is not None else {})


def _source(cache: ModelCache) -> dict:
    if cache.persistent_volume_claim:
        return {"persistentVolumeClaim": {"claimName": cache.persistent_volume_claim}}
    if cache.host_path:
        return {"hostPath": {"path": cache.host_path, "type": "Directory"}}
    return {"image": {"reference": cache.image}}


_OF_CONTAINER = ("image", "resources", "env", "envFrom", "volumeMounts")
_OF_POD = ("nodeSelector", "tolerations", "serviceAccountName", "volumes", "imagePullSecrets", "runtimeClassName",
           "priorityClassName", "schedulerName")  # fmt: skip


def _fields(stage: Stage) -> dict:
    """The stage's own fields as a patch of the pod template."""
    given = stage.model_dump(mode="json", by_alias=True, exclude_none=True)
    container = {"name": WORKER, **{field: given[field] for field in _OF_CONTAINER if field in given}}
    pod = {field: given[field] for field in _OF_POD if field in given}
    if claims := given.get("resourceClaims"):
        pod["resourceClaims"] = [{k: v for k, v in claim.items() if k != "request"} for claim in claims]
        used = [{k: claim[k] for k in ("name", "request") if k in claim} for claim in claims]
        container["resources"] = {**container.get("resources", {}), "claims": used}
    return {"spec": {**pod, "containers": [container]}}


def _patch(part: PodSettings) -> dict:
    """A podTemplate as it was written, with its nulls: they remove what is there."""
    if part.pod_template is None:
        return {}
    metadata = part.pod_template.metadata
    patch: dict[str, Any] = {"metadata": metadata.model_dump()} if metadata is not None else {}
    return patch | ({"spec": part.pod_template.spec} if part.pod_template.spec is not None else {})


def _finished(pod_template: dict, task: Task) -> dict:
    """What must hold whatever a podTemplate says, and what depends on what it says."""
    worker = _worker_of(pod_template)
    if task.stage == "train":
        counted = {"name": "THINKSAFE_PROCESSES", "value": str(processes(worker))}
        worker = {**worker, "env": merge([counted], worker.get("env", []), "env")}
    # What it makes tells by what it was made; whatever else stood there.
    image = {"name": "THINKSAFE_IMAGE", "value": literal(str(worker.get("image", ""))), "valueFrom": None}
    worker = {**worker, "env": merge(worker.get("env", []), [image], "env")}
    patch: dict[str, Any] = {"containers": [worker]}
    if task.avoid:
        patch["affinity"] = _avoiding(pod_template["spec"].get("affinity"), task.avoid)
    return merge(pod_template, {"metadata": {"labels": task.labels}, "spec": patch})


def _worker_of(pod_template: dict) -> dict:
    pod = pod_template.get("spec")
    containers = pod.get("containers") if isinstance(pod, dict) else None
    named = [c for c in containers if isinstance(c, dict)] if isinstance(containers, list) else []
    worker = next((c for c in named if c.get("name") == WORKER), None)
    if worker is None:
        raise SettingsError(
            f"podTemplate: leaves no container named {WORKER!r}",
            reason="InvalidSpec",
            hint="spec.containers of a podTemplate is a list; its entries are merged by name",
        )
    return worker


def _avoiding(affinity: Any, nodes: tuple[str, ...]) -> dict:
    """An affinity that would rather have none of `nodes`, next to what `affinity` would rather have."""
    field = "preferredDuringSchedulingIgnoredDuringExecution"
    not_there = [{"key": "metadata.name", "operator": "NotIn", "values": [n]} for n in sorted(set(nodes))]
    of_node = affinity.get("nodeAffinity") if isinstance(affinity, dict) else None
    wanted = of_node.get(field) if isinstance(of_node, dict) else None
    term = {"weight": 100, "preference": {"matchFields": not_there}}
    return {"nodeAffinity": {field: [*(wanted if isinstance(wanted, list) else []), term]}}
