"""Training over two processes of one pod, and over two pods, on a real cluster: the adapter is that of one process.

Nothing is behind the node's GPUs: the processes are gloo's, on the CPU. That they trained together shows in the last
bits of the adapter, which depend on the order of sums (docs/determinism.md).
"""

import json

import numpy as np
import pytest
from e2e.namespace import BUCKET, Namespace
from e2e.undisturbed import Undisturbed, many
from safetensors.numpy import load

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(2400)]
NOBODY = {"nodeSelector": {"thinksafe.dev/nobody": "is-here"}}  # no node has this label
GATE = {"rules": [{"kind": "harmful", "max": 1.0, "minSamples": 1}]}  # so few steps make nobody safe
UNTRAINED = ("problems", "prompts", "responses", "scores", "dataset")  # kinds of artifacts


@pytest.fixture(scope="module")
def groups(place: Namespace, undisturbed: Undisturbed) -> dict[str, dict]:
    """The runs that train as a group, from the same rows on: `processes` in one pod, `pods` to the end of the run.

    Of each: its status, its store, and the pods, Service and environment with which it trained.
    """
    gpus = {"train": {"resources": {"limits": {"nvidia.com/gpu": "2"}}}, "evaluate": NOBODY}
    stages = {"processes": gpus, "pods": {"train": {"replicas": 2}}}
    for name, settings in stages.items():
        storage = {**place.storage_spec(), "uri": f"{place.storage}/{name}"}
        _copy_untrained(undisturbed.namespace, storage["uri"])
        place.apply(many(place, name, gate=GATE, storage=storage, stages=settings))
    seen = {}
    for name in stages:
        status = _wait_for_training(place, name)
        selector = f"thinksafe.dev/run={name},thinksafe.dev/stage=train"
        seen[name] = {
            "status": status,
            "store": f"{place.storage}/{name}",
            "pods": place.find("pods", selector),
            "services": place.find("services", selector),
        }
    return seen


def _wait_for_training(place: Namespace, run: str) -> dict:
    def trained(status: dict) -> bool:
        told = {c["type"]: c["status"] for c in status.get("conditions", [])}
        assert told.get("Failed") != "True", status["message"]
        return told.get("Trained") == "True"

    return place.wait(run, trained, "trained", seconds=900)


def _copy_untrained(place: Namespace, uri: str) -> None:
    """The store as it is before the training."""
    source, target = (u.removeprefix(f"s3://{BUCKET}/") for u in (place.storage, uri))
    for key in place.objects():
        if key.split("/")[1] in UNTRAINED:
            origin = {"Bucket": BUCKET, "Key": f"{source}/{key}"}
            place.cluster.s3().copy_object(Bucket=BUCKET, Key=f"{target}/{key}", CopySource=origin)


def _adapter(place: Namespace, uri: str) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The curve of the training, and the weights."""
    (weights,) = [k for k in place.objects(uri) if k.endswith("/files/adapter_model.safetensors")]
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    folder = f"{prefix}/{weights.rpartition('/')[0]}"

    def read(name: str) -> bytes:
        return place.cluster.s3().get_object(Bucket=BUCKET, Key=f"{folder}/{name}")["Body"].read()

    return json.loads(read("curve.json")), load(read("adapter_model.safetensors"))


def _environment(pod: dict) -> dict[str, str]:
    return {e["name"]: e.get("value", "") for e in pod["spec"]["containers"][0]["env"]}


@pytest.mark.parametrize("name", ["processes", "pods"])
def test_the_adapter_is_that_of_one_process_but_for_the_order_of_sums(
    groups: dict, undisturbed: Undisturbed, name: str
) -> None:
    alone = undisturbed.namespace
    (curve, weights), (other_curve, other) = _adapter(alone, alone.storage), _adapter(alone, groups[name]["store"])
    assert [p["step"] for p in curve] == [p["step"] for p in other_curve] and len(curve) >= 5
    np.testing.assert_allclose([p["loss"] for p in curve], [p["loss"] for p in other_curve], rtol=1e-4)
    assert weights.keys() == other.keys()
    for key, value in weights.items():
        np.testing.assert_allclose(value, other[key], rtol=1e-2, atol=1e-4, err_msg=key)
    assert any((value != other[key]).any() for key, value in weights.items()), "one process trained it alone"


@pytest.mark.parametrize("name", ["processes", "pods"])
def test_nothing_but_the_training_was_done_and_at_the_first_attempt(groups: dict, name: str) -> None:
    stages = {s["name"]: s for s in groups[name]["status"]["stages"]}
    assert [stages[n]["state"] for n in ("prepare", "generate", "filter")] == ["Succeeded", "Cached", "Cached"]
    assert (stages["train"]["state"], stages["train"]["attempt"], stages["train"]["failures"]) == ("Succeeded", 1, 0)


def test_as_many_processes_train_in_a_pod_as_it_has_gpus(groups: dict) -> None:
    (pod,) = groups["processes"]["pods"]
    assert _environment(pod)["THINKSAFE_PROCESSES"] == "2" and _environment(pod)["THINKSAFE_WORKERS"] == "1"
    assert groups["processes"]["services"] == []


def test_pods_that_train_together_find_each_other_by_a_headless_service(groups: dict) -> None:
    pods, (service,) = groups["pods"]["pods"], groups["pods"]["services"]
    key = "batch.kubernetes.io/job-completion-index"
    assert sorted(p["metadata"]["labels"][key] for p in pods) == ["0", "1"]
    assert {p["status"]["phase"] for p in pods} == {"Succeeded"}
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["publishNotReadyAddresses"] is True
    name = service["metadata"]["name"]
    for pod in pods:
        assert pod["spec"]["subdomain"] == name and pod["spec"]["hostname"].startswith(f"{name}-")
        assert _environment(pod)["MASTER_ADDR"] == f"{name}-0.{name}"


def test_the_run_comes_to_its_end_with_that_adapter(groups: dict, place: Namespace) -> None:
    status = place.wait_for_phase("pods", "Succeeded", "GateFailed", "Failed", seconds=900)
    assert status["phase"] == "Succeeded", status["message"]
    pointer = place.document(f"{groups['pods']['store']}/released/pods/current.json")
    assert status["adapter"].endswith(pointer["folder"])


def test_deleted_they_leave_nothing(groups: dict, place: Namespace) -> None:
    place.kubectl("delete", "thinksaferuns", "--all", "--wait")
    place.wait_until_alone(*groups)
