"""A stage's attempt -> the objects that Kubernetes is to make of it. Pure: no clock, no randomness, no I/O.

Their names are functions of run, stage and attempt, so making them twice makes them once. They are never changed
after: Kueue writes into a Job, and a ConfigMap that changes under a running worker helps nobody.

prepare and report never ask for an accelerator: extended resources and resource claims of `workers` are dropped for
them, also out of its podTemplate. What `stages.prepare` or `stages.report` ask for themselves they get.
"""

import yaml

from thinksafe import manifest
from thinksafe.placement import settings_for
from thinksafe.pods import Stage
from thinksafe.spec import API_VERSION, KIND, RunSpec
from thinksafe_operator import names, pods
from thinksafe_operator.accelerators import WITHOUT, without_accelerators
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Run

# They may change during a run, and no worker reads them: left out of the manifest, which never changes.
_NOT_FOR_WORKERS = frozenset({"suspend", "ttlSecondsAfterFinished", "activeDeadlineSeconds"})
# Nine times as fast; in pure Python this was a fifth of the operator's work. A platform's wheel may lack it.
_YAML = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def children(run: Run, attempt: Attempt, settings: Settings) -> list[dict]:
    """The ConfigMap with the run's manifest, the Service if pods train together, and the Job, in this order.

    Raises SettingsError, in one line, for a spec that no Job can be made of.
    """
    spec = manifest.parse(_document(run, run.spec), where=f"{run.namespace}/{run.name}").spec
    if pods.base_stage(attempt.stage) in WITHOUT:
        spec = spec.model_copy(update={"workers": without_accelerators(spec.workers)})
    stage = settings_for(spec, attempt.stage)
    objects = [_config_map(run)]
    if pods.is_gang(attempt.stage, stage.replicas):
        objects.append(_service(run, attempt))
    return [*objects, _job(run, attempt, spec, stage, settings)]


def indexed(stage: str, settings: Stage, template: dict) -> dict:
    """The spec of a Job whose workers are told apart, and tried again one by one."""
    return {
        # Also with one worker: retries are counted by index, and only an Indexed Job gives its pods host names.
        "completionMode": "Indexed",
        "completions": settings.replicas,
        "parallelism": settings.replicas,
        "backoffLimitPerIndex": settings.pod_retries,
        "maxFailedIndexes": _failed_indexes(stage, settings.replicas),
        "podFailurePolicy": {"rules": _FAILURE_RULES},
        "podReplacementPolicy": "Failed",  # a new worker only when the old one is gone for certain
        "template": template,
    }


def _document(run: Run, spec: dict) -> dict:
    metadata = {"name": run.name, "namespace": run.namespace}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def metadata_of_child(run: Run, name: str, labels: dict[str, str], kind: str = KIND) -> dict:
    """Every child is the run's, or the experiment's: it goes when that goes.

    blockOwnerDeletion would need the right to set the owner's finalizers, and nothing here has to go before it.
    """
    owner = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "name": run.name,
        "uid": run.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }
    return {"name": name, "namespace": run.namespace, "labels": labels, "ownerReferences": [owner]}


def _config_map(run: Run) -> dict:
    labels = {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_RUN: run.name,
        names.LABEL_RUN_UID: run.uid,
    }
    spec = {field: value for field, value in run.spec.items() if field not in _NOT_FOR_WORKERS}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_of_child(run, names.manifest_name(run.name, run.uid), labels),
        "immutable": True,
        "data": {pods.MANIFEST_FILE: yaml.dump(_document(run, spec), Dumper=_YAML, sort_keys=False)},
    }


def _service(run: Run, attempt: Attempt) -> dict:
    """Gives the pods of a Job host names, before they are ready: they start by finding each other."""
    job = names.job_name(run.name, run.uid, attempt.stage, attempt.attempt)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata_of_child(run, names.service_name(job), pods.labels(run, attempt)),
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": {"batch.kubernetes.io/job-name": job},
            "ports": [{"name": "rendezvous", "port": pods.MASTER_PORT}],
        },
    }


def _job(run: Run, attempt: Attempt, spec: RunSpec, stage: Stage, settings: Settings) -> dict:
    labels = pods.labels(run, attempt)
    if spec.queue_name:
        labels[names.LABEL_QUEUE] = spec.queue_name
    name = names.job_name(run.name, run.uid, attempt.stage, attempt.attempt)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_of_child(run, name, labels),
        "spec": indexed(attempt.stage, stage, pods.template(pods.task_of(run, attempt), spec, stage, settings)),
    }


def _failed_indexes(stage: str, replicas: int) -> int:
    """How many workers may be lost before the Job is: fewer than half, for the others take over their chunks.

    When the rest have finished, the Job fails all the same, and the next attempt finds everything done. Processes
    that train together are lost with the first.
    """
    return 0 if pods.is_gang(stage, replicas) else (replicas - 1) // 2


# The first rule that matches a failed pod holds; what none matches is counted against podRetries: 69, 75, 137, ...
# Exit codes: thinksafe/errors.py. Containers beside the worker have no say.
_FAILURE_RULES: list[dict] = [
    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    {"action": "FailJob", "onExitCodes": {"containerName": pods.WORKER, "operator": "In", "values": [64, 77, 78]}},
    {"action": "FailIndex", "onExitCodes": {"containerName": pods.WORKER, "operator": "In", "values": [65]}},
]
