"""Conditions: their shape, and when lastTransitionTime moves."""

import pytest

from thinksafe.status import MAX_MESSAGE
from thinksafe.status import Condition as Model
from thinksafe_operator import conditions
from thinksafe_operator.conditions import Condition

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def merged(old, *wanted, time=LATE):
    return conditions.merged(old, wanted, generation=7, time=time)


def test_a_new_condition_is_whole():
    (made,) = merged([], Condition("Ready", None, "Pending", "it starts"))
    Model.model_validate(made)
    assert made["status"] == "Unknown" and made["lastTransitionTime"] == LATE and made["observedGeneration"] == 7


@pytest.mark.parametrize(
    ("before", "after", "time"), [(True, True, EARLY), (True, False, LATE), (None, False, LATE), (None, None, EARLY)]
)
def test_the_time_moves_only_with_the_status(before, after, time):
    old = merged([], Condition("Ready", before, "Pending", "one"), time=EARLY)
    (made,) = merged(old, Condition("Ready", after, "Running", "two"))
    assert made["lastTransitionTime"] == time and (made["reason"], made["message"]) == ("Running", "two")


def test_the_same_again_is_the_same():
    old = merged([], Condition("Ready", True, "Complete", "done"), Condition("Failed", False, "Complete"))
    assert merged(old, Condition("Ready", True, "Complete", "done"), Condition("Failed", False, "Complete")) == old


def test_a_message_is_one_line_and_not_too_long():
    (made,) = merged([], Condition("Ready", False, "Queued", "a\n b  " + "x" * 2000))
    assert made["message"].startswith("a b x") and len(made["message"]) == MAX_MESSAGE
    assert made["message"].endswith("…")


def test_a_condition_is_found_by_its_type_wherever_it_stands():
    both = merged([], Condition("Failed", False, "Running"), Condition("Complete", True, "Complete"))
    assert conditions.status_of(both, "Complete") == "True" and conditions.find(both, "Failed")["reason"] == "Running"
    assert conditions.status_of(None, "Ready") == "Unknown" and conditions.find([], "Ready") == {}


@pytest.mark.parametrize(("kind", "status", "over"), [
    ("Complete", True, True), ("Failed", True, True), ("Complete", False, False), ("Stalled", True, False),
])  # fmt: skip
def test_a_run_has_ended_when_complete_or_failed(kind, status, over):
    assert conditions.ended(merged([], Condition(kind, status, "Complete"))) is over
