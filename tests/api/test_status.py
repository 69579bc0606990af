"""What the operator writes survives the status subresource, and the largest status stays small."""

import pytest
from hypothesis import given

from api import objects
from api.runs import SMALLEST, Refused, Runs, manifest
from api.test_random_specs import SLOWLY, lost
from thinksafe import status as statuses
from thinksafe.status import RunStatus

NOW = "2026-01-01T00:00:00Z"
READY = {"type": "Ready", "status": "False", "lastTransitionTime": NOW, "reason": "Running", "message": ""}


@pytest.fixture(scope="module")
def stored(runs: Runs):
    yield runs.create(manifest("status", SMALLEST))
    runs.delete("status")


@SLOWLY
@given(status=objects.valid(objects.STATUS))
def test_a_valid_status_survives_being_put(runs: Runs, stored: dict, status: dict):
    RunStatus.model_validate(status)
    fresh = runs.get("status")
    assert lost(status, runs.replace_status({**fresh, "status": status})["status"], "status") == []


@SLOWLY
@given(status=objects.valid(objects.STATUS))
def test_a_valid_status_survives_being_applied(runs: Runs, stored: dict, status: dict):
    # As the operator does, always some of both: server-side apply makes null of a list with keys that loses its last.
    for key, item in (("stages", {"name": "prepare"}), ("conditions", READY)):
        status[key] = status.get(key) or [item]
    assert lost(status, runs.apply_status("status", status)["status"], "status") == []


def test_an_unknown_field_of_the_status_is_an_error_not_a_loss(runs: Runs, stored: dict):
    with pytest.raises(Refused, match="phaze"):
        runs.apply_status("status", {"phaze": "Running"})


def worst() -> dict:
    """Eight rungs on the ladder, every stage failed before, on nodes with long names, and every message is long."""
    words = "é" * statuses.MAX_MESSAGE
    ladder = [f"{s}-{rung}" for rung in range(2, 10) for s in ("generate", "filter")]
    names = ["prepare", "generate", "filter", *ladder, "train", "evaluate", "report"]
    failure = {"code": 137, "reason": "OutOfMemory", "message": words, "hint": words, "node": "n" * 253, "time": NOW}
    stage = {
        "state": "Failed", "job": "j" * 63, "attempt": 999, "failures": 999, "disruptions": 999, "startTime": NOW,
        "completionTime": NOW, "chunks": 10**6, "totalChunks": 10**6, "rows": 10**9, "totalRows": 10**9,
        "tokens": 10**14, "tokensPerSecond": 1234567.891, "gpuSeconds": 123456789.123, "progressTime": NOW,
        "artifacts": {f"verdicts-{x}": "f" * 64 for x in "abcd"}, "lastFailure": failure,
        "avoidNodes": ["n" * 253] * 16,
    }  # fmt: skip
    conditions = [
        {"type": type_, "status": "Unknown", "observedGeneration": 99, "lastTransitionTime": NOW,
         "reason": "PendingDeadlineExceeded", "message": words}
        for type_ in (*statuses.CONDITIONS, statuses.QUOTA_RESERVED)
    ]  # fmt: skip
    result = {"kind": "accuracy", "benchmark": "tiny-harmful-categories", "base": 0.123456789, "aligned": 0.987654321}
    return {
        "phase": "Failed", "observedGeneration": 99, "startTime": NOW, "completionTime": NOW, "stage": "train",
        "progress": "p" * 63, "gate": "Pending", "message": words, "report": "r" * 1024, "adapter": "a" * 1024,
        "kept": 10**9, "judged": 10**9, "results": [result] * statuses.MAX_RESULTS, "conditions": conditions,
        "stages": [{"name": name, **stage} for name in names],
    }  # fmt: skip


def test_the_largest_status_is_kept_below_16_kib(runs: Runs, stored: dict):
    fitted = statuses.fit(worst())
    assert statuses.size(worst()) > 4 * statuses.MAX_BYTES
    kept = runs.replace_status({**runs.get("status"), "status": fitted})["status"]
    assert lost(fitted, kept, "status") == []
    assert statuses.size(kept) < statuses.MAX_BYTES
    assert [s["name"] for s in kept["stages"]] == [s["name"] for s in worst()["stages"]]
    assert all(s["attempt"] == 999 and s["state"] == "Failed" for s in kept["stages"])
