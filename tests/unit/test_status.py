"""A status is made to fit by leaving out what is missed least, and only if it must."""

import pytest
from api.worst import worst_status

from thinksafe import status as statuses
from thinksafe.status import RunStatus, fit, size


def test_one_that_fits_is_left_as_it_is():
    status = {"phase": "Running", "message": "x" * 1000, "stages": [{"name": "train", "state": "Running"}]}
    assert fit(status) is status


def test_the_largest_fits_and_is_still_a_status():
    fitted = fit(worst_status())
    assert size(fitted) < statuses.MAX_BYTES
    RunStatus.model_validate(fitted)
    assert fit(fitted) == fitted


@pytest.mark.parametrize("field", ["name", "state", "job", "attempt", "failures", "startTime", "completionTime"])
def test_what_decisions_rest_on_is_never_cut(field):
    before, after = worst_status(), fit(worst_status())
    assert [s[field] for s in after["stages"]] == [s[field] for s in before["stages"]]
    kept = ("type", "status", "reason", "lastTransitionTime")
    assert [[c[k] for k in kept] for c in after["conditions"]] == [[c[k] for k in kept] for c in before["conditions"]]


def test_the_current_stage_keeps_its_words_longest():
    status = worst_status()
    status["stages"] = [{**s, "avoidNodes": []} for s in status["stages"][:3] + status["stages"][-3:]]
    words = {s["name"]: len(s["lastFailure"]["message"]) for s in fit({**status, "conditions": []})["stages"]}
    assert words["train"] > words["filter"] > 0
