"""What an experiment is made of -> the objects that Kubernetes is to make of it. Pure.

Their names are functions of the experiment, the variant and the attempt, so making them twice makes them once.
"""

import json

import yaml

from thinksafe.placement import settings_for
from thinksafe.spec import API_VERSION
from thinksafe.spec.experiment import EXPERIMENT_KIND, ExperimentManifest
from thinksafe.variants import run_document, run_manifest
from thinksafe_operator import names, pods
from thinksafe_operator.accelerators import without_accelerators
from thinksafe_operator.experiments.comparing import LIKE, STAGE
from thinksafe_operator.experiments.state import Comparison, Experiment, Start
from thinksafe_operator.jobs import indexed, metadata_of_child
from thinksafe_operator.settings import Settings

# A comparison reads some megabytes and writes a page. One that hangs is ended after so long (seconds).
DEADLINE = 3600
_MANIFEST, _RUNS = "experiment.yaml", "runs.json"
# The experiment says when its runs are suspended, and when they go.
_NOT_FOR_RUNS = ("suspend", "ttlSecondsAfterFinished")


def run(experiment: Experiment, manifest: ExperimentManifest, start: Start) -> dict:
    """The ThinkSafeRun of a variant. Raises SettingsError, in one line, if the patch makes none."""
    variant = next(v for v in manifest.spec.variants if v.name == start.variant)
    run_manifest(manifest, variant, start.adapter)
    document = run_document(manifest, variant, start.adapter)
    labels = {**_labels(experiment), names.LABEL_VARIANT: variant.name}
    metadata = metadata_of_child(experiment, document["metadata"]["name"], labels, EXPERIMENT_KIND)
    spec = {field: value for field, value in document["spec"].items() if field not in _NOT_FOR_RUNS}
    return {**document, "metadata": metadata, "spec": spec}


def comparison(
    experiment: Experiment, manifest: ExperimentManifest, wanted: Comparison, settings: Settings
) -> list[dict]:
    """The ConfigMap with the experiment and its runs, and the Job that compares them.

    Raises SettingsError, in one line, for a spec that no Job can be made of.
    """
    spec = manifest.spec.run.model_copy(update={"workers": without_accelerators(manifest.spec.run.workers)})
    labels = {**_labels(experiment), names.LABEL_STAGE: STAGE, names.LABEL_ATTEMPT: str(wanted.attempt)}
    told = ("--uid", experiment.uid, "--runs", f"{pods.FOLDER}/{_RUNS}")
    task = pods.Task(
        namespace=experiment.namespace,
        job=wanted.job,
        stage=LIKE,
        config_map=wanted.job,
        words=("worker", STAGE, f"{pods.FOLDER}/{_MANIFEST}", *told),
        labels=labels,
    )
    queue = {names.LABEL_QUEUE: spec.queue_name} if spec.queue_name else {}
    stage = settings_for(spec, LIKE)
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata_of_child(experiment, wanted.job, {**labels, **queue}, EXPERIMENT_KIND),
        "spec": {
            **indexed(LIKE, stage, pods.template(task, spec, stage, settings)),
            "activeDeadlineSeconds": DEADLINE,
        },
    }
    return [_config_map(experiment, wanted), job]


def _labels(experiment: Experiment) -> dict[str, str]:
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_EXPERIMENT: experiment.name,
        names.LABEL_EXPERIMENT_UID: experiment.uid,
    }


def _config_map(experiment: Experiment, wanted: Comparison) -> dict:
    metadata = {"name": experiment.name, "namespace": experiment.namespace}
    document = {"apiVersion": API_VERSION, "kind": EXPERIMENT_KIND, "metadata": metadata, "spec": experiment.spec}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata_of_child(experiment, wanted.job, _labels(experiment), EXPERIMENT_KIND),
        "immutable": True,
        "data": {
            _MANIFEST: yaml.safe_dump(document, sort_keys=False),
            _RUNS: json.dumps(wanted.runs, sort_keys=True),
        },
    }
