"""summary.json: what is documented is what is there, and nothing else gets in."""

import json
import math

import pytest

from thinksafe.analysis import summary
from thinksafe.errors import DataError

from .samples import document

LEAST = {"run": {"name": "a"}, "gate": {"passed": False, "rules": [], "sentence": "s"}}


def test_a_summary_survives_json_and_reading():
    made = document()
    assert made["schema"] == "thinksafe.dev/summary/v1"
    assert summary.read(json.loads(json.dumps(made))).model_dump(mode="json", by_alias=True) == made


def test_run_and_gate_are_enough():
    made = summary.build(**LEAST)
    assert made["metrics"] == [] and made["training"]["curve"] == []


@pytest.mark.parametrize("missing", ["run", "gate"])
def test_no_run_or_no_verdict_is_no_summary(missing):
    with pytest.raises(ValueError, match=missing):
        summary.build(**{key: value for key, value in LEAST.items() if key != missing})


def test_a_field_that_is_not_documented_is_refused_and_never_quoted():
    secret = "how to do the forbidden thing"
    row = {"label": "harmful", "kept": 1, "total": 1, "prompt": secret}
    with pytest.raises(ValueError, match=r"retention.0.prompt") as caught:
        summary.build(**LEAST, retention=[row])
    assert secret not in str(caught.value)
    with pytest.raises(DataError, match=r"retention.0.prompt") as refused:
        summary.read({**LEAST, "retention": [row]})
    assert secret not in refused.value.line()


def test_a_training_point_holds_numbers_only():
    with pytest.raises(ValueError, match=r"training.curve.0.response") as caught:
        summary.build(**LEAST, training={"curve": [{"step": 1, "loss": 1.0, "response": "some text"}]})
    assert "some text" not in str(caught.value)


def test_a_loss_that_is_no_number_reads_as_not_measured():
    made = summary.build(**LEAST, training={"curve": [{"step": 1, "loss": math.nan, "grad_norm": math.inf}]})
    assert made["training"]["curve"] == [{"step": 1, "loss": None, "grad_norm": None}]
    json.dumps(made, allow_nan=False)


@pytest.mark.parametrize("broken", [None, [], "x", {}, {**LEAST, "schema": "thinksafe.dev/summary/v2"}])
def test_what_is_no_summary_is_bad_data(broken):
    with pytest.raises(DataError, match=r"summary\.json"):
        summary.read(broken)
