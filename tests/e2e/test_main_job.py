"""`kubectl apply -f examples/tiny/run.yaml` on a real cluster: it takes care of itself, to Ready, and its results are
those of the same manifest on one machine."""

import json
import re

import pytest
from e2e.main_job import EXAMPLE
from e2e.namespace import DEFAULT_STORAGE
from integration.references import reference
from integration.runs import objects

STAGES = ["prepare", "generate", "filter", "train", "evaluate", "report"]
pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]


def test_it_is_ready_and_the_gate_is_passed(watched):
    namespace, seen = watched
    status = seen[-1][1]
    assert status["phase"] == "Succeeded", status.get("message")
    told = {c["type"]: c["status"] for c in status["conditions"]}
    for kind in ("Ready", "GatePassed", "Complete", "Prepared", "Generated", "Filtered", "Trained", "Evaluated"):
        assert told[kind] == "True", kind
    assert (told["Failed"], told["Stalled"], told["Reconciling"]) == ("False", "False", "False")
    assert [s["name"] for s in status["stages"]] == STAGES
    assert {s["state"] for s in status["stages"]} == {"Succeeded"}
    namespace.kubectl("wait", "--for=condition=Ready", "thinksaferun/tiny", "--timeout=5s")


def test_progress_shows_while_a_stage_runs(watched):
    """Within 30 seconds of a stage's start its numbers are in the status."""
    _, seen = watched
    stages = [s for _, status in seen for s in status.get("stages", [])]
    shown = {s["name"] for s in stages if s["state"] == "Running" and s.get("rows")}
    assert {"generate", "train", "evaluate"} & shown
    assert any(re.fullmatch(r"\d+%", status.get("progress", "")) for _, status in seen)


def test_kubectl_tells_at_a_glance(watched):
    namespace, _ = watched
    head, row = namespace.kubectl("get", "tsr").splitlines()
    assert head.split() == ["NAME", "PHASE", "STAGE", "PROGRESS", "GATE", "AGE"]
    assert row.split()[:3] == ["tiny", "Succeeded", "report"] and "Passed" in row
    described = namespace.kubectl("describe", "tsr", "tiny")
    for word in ("StageSucceeded", "GatePassed", "Completed", f"{DEFAULT_STORAGE}/released/tiny"):
        assert word in described, word


def test_its_pods_were_restricted_and_had_no_token(watched):
    namespace, _ = watched
    for pod in namespace.pods():
        spec, (worker,) = pod["spec"], pod["spec"]["containers"]
        assert worker["image"] == namespace.cluster.worker_image
        assert spec["automountServiceAccountToken"] is False
        assert not [v for v in spec["volumes"] if "projected" in v]


def test_the_store_holds_what_one_machine_makes(watched):
    """The same artifacts by digest; the same rows, for with one thread vLLM on the CPU is batch-invariant."""
    namespace, _ = watched
    here, there = objects(reference(EXAMPLE).store), namespace.objects()
    assert set(here) == set(there)
    same = [k for k in here if k.endswith((".parquet", "/adapter_model.safetensors"))]
    assert [k for k in same if here[k] != there[k]] == []
    assert len({k.split("/")[1] for k in same}) >= 8


def test_the_report_and_the_adapter_are_published(watched):
    namespace, seen = watched
    status = seen[-1][1]
    folder = status["report"].rpartition("/")[0]
    summary = namespace.document(f"{folder}/summary.json")
    assert summary["gate"]["passed"] is True
    shown = {r["benchmark"]: r for r in status["results"]}
    measured = {
        m["benchmark"]: m["value"] for m in summary["metrics"] if m["model"] == "aligned" and m["metric"] == m["kind"]
    }
    assert all(abs(shown[b]["aligned"] - v) < 0.01 for b, v in measured.items() if b in shown) and shown
    pointer = namespace.document(f"{namespace.storage}/released/tiny/current.json")
    assert status["adapter"].endswith(pointer["folder"])


def test_no_harmful_text_left_the_store(watched):
    """Neither the objects of the cluster nor the logs of the pods hold a prompt or a response."""
    namespace, _ = watched
    from thinksafe.artifacts.artifact import Artifact
    from thinksafe.artifacts.store import open_store
    from thinksafe.spec import Storage

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", namespace.cluster.access_key)
        patch.setenv("AWS_SECRET_ACCESS_KEY", namespace.cluster.secret_key)
        place = Storage(uri=namespace.storage, endpoint=namespace.cluster.s3_endpoint, region=namespace.cluster.region)
        store = open_store(place)
        (digest,) = {k.split("/")[2] for k in store.list("artifacts/responses/")}
        rows = list(Artifact(store, "responses", digest).rows())
    count = len(rows)  # an assertion about the rows themselves would print them
    assert count == 800
    everything = namespace.kubectl("get", "tsr,jobs,pods,events,configmaps", "-o", "yaml")
    for pod in namespace.pods():
        everything += namespace.kubectl("logs", pod["metadata"]["name"])
    leaked = [r["id"] for r in rows if r["prompt"] in everything or (r["response"] or "\0") in everything]
    assert leaked == []


def test_a_second_run_of_the_same_manifest_finishes_from_the_store(watched):
    """Deleted and applied again, as GitOps does: no stage asks for a Job but prepare and report."""
    namespace, _ = watched
    before = namespace.objects()
    document = namespace.run("tiny")
    spec = document["spec"]
    namespace.kubectl("delete", "tsr", "tiny", "--wait")
    assert namespace.objects() == before
    namespace.apply({"apiVersion": document["apiVersion"], "kind": document["kind"],
                     "metadata": {"name": "tiny"}, "spec": spec})  # fmt: skip
    status = namespace.wait_for_phase("tiny", "Succeeded", "Failed", "GateFailed", seconds=180)
    states = {s["name"]: s["state"] for s in status["stages"]}
    assert states == dict.fromkeys(STAGES, "Cached") | {"prepare": "Succeeded", "report": "Succeeded"}
    assert {j["metadata"]["labels"]["thinksafe.dev/stage"] for j in namespace.jobs()} == {"prepare", "report"}
    assert namespace.objects() == before, json.dumps(status["message"])
