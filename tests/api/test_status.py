"""What the operator writes survives the status subresource, and the largest status stays small."""

import pytest
from hypothesis import given

from api import objects
from api.runs import SMALLEST, Refused, Runs, manifest
from api.test_random_specs import SLOWLY, lost
from api.worst import NOW, worst_status
from thinksafe import status as statuses
from thinksafe.status import RunStatus
from thinksafe_operator.passes import as_stored

READY = {"type": "Ready", "status": "False", "lastTransitionTime": NOW, "reason": "Running", "message": ""}


@pytest.fixture(scope="module", autouse=True)
def stored(runs: Runs):
    """A run for each way of writing: of a list with keys, what another manager wrote stays when one applies."""
    for name in ("put", "applied", "largest"):
        runs.create(manifest(name, SMALLEST))
    yield
    for name in ("put", "applied", "largest"):
        runs.delete(name)


@SLOWLY
@given(status=objects.valid(objects.STATUS))
def test_a_valid_status_survives_being_put(runs: Runs, status: dict):
    RunStatus.model_validate(status)
    fresh = runs.get("put")
    assert lost(status, runs.replace_status({**fresh, "status": status})["status"], "status") == []


@SLOWLY
@given(status=objects.valid(objects.STATUS))
def test_a_valid_status_survives_being_applied(runs: Runs, status: dict):
    # As the operator does, always some of both: server-side apply makes null of a list with keys that loses its last.
    for key, item in (("stages", {"name": "prepare"}), ("conditions", READY)):
        status[key] = status.get(key) or [item]
    assert lost(as_stored(status), runs.apply_status("applied", status)["status"], "status") == []


@pytest.mark.parametrize("field", ["lastFailure", "artifacts"])
def test_a_map_can_lose_its_last_key(runs: Runs, field: str):
    kept = {"lastFailure": {"reason": "Evicted"}, "artifacts": {"train": "0f" * 32}}[field]
    runs.apply_status("applied", {"stages": [{"name": "prepare", field: kept}]})
    (stage,) = runs.apply_status("applied", {"stages": [{"name": "prepare", field: {}}]})["status"]["stages"]
    assert stage == {"name": "prepare"}


def test_an_unknown_field_of_the_status_is_an_error_not_a_loss(runs: Runs):
    with pytest.raises(Refused, match="phaze"):
        runs.apply_status("applied", {"phaze": "Running"})


def test_the_largest_status_is_kept_below_16_kib(runs: Runs):
    fitted = statuses.fit(worst_status())
    assert statuses.size(worst_status()) > 4 * statuses.MAX_BYTES
    kept = runs.replace_status({**runs.get("largest"), "status": fitted})["status"]
    assert lost(fitted, kept, "status") == []
    assert statuses.size(kept) < statuses.MAX_BYTES
    assert [s["name"] for s in kept["stages"]] == [s["name"] for s in worst_status()["stages"]]
    assert all(s["attempt"] == 999 and s["state"] == "Failed" for s in kept["stages"])
