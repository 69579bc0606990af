"""The objects of an experiment: what they are called, whose they are, and what they may do."""

import json

import pytest
import yaml
from unit.operator.experiments.world import RUN, spec
from unit.operator.specs import SETTINGS

from thinksafe import manifest
from thinksafe.errors import SettingsError
from thinksafe_operator.experiments import objects
from thinksafe_operator.experiments.decide import parsed_of
from thinksafe_operator.experiments.state import Comparison, Experiment, Start
from thinksafe_operator.names import comparison_name, is_of_a_job

UID = "0d9f3a52-1b1e-4c6f-9a57-d0a4a2c1f001"
STORED = {"storage": {"uri": "s3://bucket/$(HOME)", "credentialsSecret": "s3"}}
GPUS = {"resources": {"limits": {"nvidia.com/gpu": 1}}}


def of(*variants, name: str = "e", run: dict | None = None, **fields) -> Experiment:
    whole = {**spec(*variants, **fields), "run": {**RUN, **STORED, **(run or {})}}
    return Experiment(name, "ns", UID, "1", 1, 0.0, False, whole, {})


def run_of(experiment: Experiment, variant: str = "a", adapter: str | None = None) -> dict:
    return objects.run(experiment, parsed_of(experiment), Start(variant, adapter))


def compared(experiment: Experiment, job: str = "e-compare-end-abc123-1") -> tuple[dict, dict]:
    runs = {"a": {"name": "e-a", "namespace": "ns", "uid": "u", "phase": "Succeeded"}}
    config_map, made = objects.comparison(experiment, parsed_of(experiment), Comparison(job, 1, runs), SETTINGS)
    return config_map, made


def test_a_run_is_the_experiments_and_tells_its_variant():
    made = run_of(of("a"))
    assert made["metadata"]["name"] == "e-a" and made["metadata"]["namespace"] == "ns"
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ThinkSafeExperiment", UID, True)
    assert made["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "thinksafe-operator", "thinksafe.dev/experiment": "e",
        "thinksafe.dev/experiment-uid": UID, "thinksafe.dev/variant": "a",
    }  # fmt: skip


def test_a_run_has_the_patch_and_the_generator_of_its_round():
    made = run_of(of("first", {"name": "a", "generatorFrom": "first", "patch": {"seed": 7}}), adapter="ab" * 8)
    assert made["spec"]["seed"] == 7
    assert made["spec"]["generator"] == {"name": "tiny://student", "adapter": "ab" * 8}


def test_suspension_and_time_to_live_are_the_experiments():
    made = run_of(of("a", run={"suspend": True, "ttlSecondsAfterFinished": 1}))
    assert not {"suspend", "ttlSecondsAfterFinished"} & set(made["spec"])


def test_a_patch_that_makes_no_run_is_one_line():
    with pytest.raises(SettingsError, match=r"variant a: spec\.training\.rank"):
        run_of(of({"name": "a", "patch": {"training": {"rank": 0}}}))


def test_the_comparison_reads_the_experiment_and_its_runs():
    config_map, job = compared(of("a", run={"workers": GPUS}))
    assert config_map["metadata"]["name"] == job["metadata"]["name"] and config_map["immutable"]
    document = yaml.safe_load(config_map["data"]["experiment.yaml"])
    assert manifest.parse_experiment(document, where="x").metadata.name == "e"
    assert json.loads(config_map["data"]["runs.json"])["a"]["phase"] == "Succeeded"
    pod = job["spec"]["template"]["spec"]
    (worker,) = pod["containers"]
    assert worker["args"] == [
        "worker", "compare", "/etc/thinksafe/experiment.yaml", "--uid", UID, "--runs", "/etc/thinksafe/runs.json",
        "--store", "s3://bucket/$$(HOME)",
    ]  # fmt: skip
    assert pod["volumes"][0] == {"name": "run", "configMap": {"name": config_map["metadata"]["name"]}}
    assert pod["automountServiceAccountToken"] is False
    assert "nvidia.com/gpu" not in json.dumps(job), "it reads some megabytes: a GPU would be held for nothing"
    assert job["spec"]["activeDeadlineSeconds"] == objects.DEADLINE and job["spec"]["completions"] == 1
    assert {e["name"] for e in worker["env"]} >= {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_the_comparison_has_the_settings_of_the_stage_report():
    _, job = compared(of("a", run={"stages": {"report": {"nodeSelector": {"cpu": "big"}}}}))
    assert job["spec"]["template"]["spec"]["nodeSelector"] == {"cpu": "big"}


def test_the_comparison_waits_in_the_queue_of_the_runs_and_is_no_runs_job():
    _, job = compared(of("a", run={"queueName": "gpus"}))
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "gpus"
    for labels in (job["metadata"]["labels"], job["spec"]["template"]["metadata"]["labels"]):
        assert labels["thinksafe.dev/stage"] == "compare" and "thinksafe.dev/run" not in labels


@pytest.mark.parametrize("name", ["e", "a" * 38, "a" * 27 + "-" + "b" * 10])
@pytest.mark.parametrize("before", [None, 0, 31])
def test_a_comparisons_name_leaves_room_for_a_pods_and_is_known_as_a_jobs(name: str, before: int | None):
    job = comparison_name(name, UID, before, 9999)
    assert len(f"{job}-0") <= 63 and is_of_a_job(job)
    assert comparison_name(name, "another", before, 9999) != job
