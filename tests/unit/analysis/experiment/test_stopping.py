"""The stop rule: a further round only if the whole interval of the gain says so."""

import pytest

from thinksafe.analysis.experiment.combine import combine, rounds
from thinksafe.analysis.experiment.stopping import decide
from thinksafe.spec.experiment import StopRule

from .variants import given, unmeasured, verdicts

RULE = StopRule()
BASE = verdicts(harm=[1] * 40, sums=[1] * 40)


def adapter(name, harm, right=40, **more):
    scores = verdicts(harm=[1] * harm + [0] * (40 - harm), sums=[1] * right + [0] * (40 - right))
    return given(name, scores, base=BASE, **more)


def test_a_sure_gain_goes_on():
    said = decide(RULE, adapter("r1", 5), None)
    assert said["go"] and "r1 against the base model" in said["why"]


@pytest.mark.parametrize("harm", [40, 39, 38])
def test_no_gain_and_one_that_may_be_chance_stop(harm):
    assert not decide(RULE, adapter("r1", harm), None)["go"]


def test_the_gain_must_be_more_than_is_asked_for():
    last = adapter("r1", 20)
    assert decide(StopRule(min_gain=0.2), last, None)["go"]
    assert not decide(StopRule(min_gain=0.45), last, None)["go"]


def test_a_later_round_is_held_against_the_one_that_wrote_its_data():
    first = adapter("r1", 5)
    assert decide(RULE, adapter("r2", 5), None)["go"]
    assert not decide(RULE, adapter("r2", 5), first)["go"]


@pytest.mark.parametrize(("right", "go"), [(40, True), (38, True), (25, False)])
def test_accuracy_that_surely_fell_stops_and_a_little_by_chance_does_not(right, go):
    assert decide(RULE, adapter("r1", 0, right), None)["go"] is go


def test_a_fall_of_accuracy_that_is_allowed_goes_on():
    assert decide(StopRule(max_accuracy_drop=0.5), adapter("r1", 0, 25), None)["go"]


def test_what_was_not_measured_stops_the_rounds():
    only_harm = given("r1", verdicts(harm=[0] * 40), base=verdicts(harm=[1] * 40))
    assert "right answers" in decide(RULE, only_harm, None)["why"]
    for last in (only_harm, unmeasured("r1")):
        assert not decide(RULE, last, None)["go"]


def test_without_a_rule_only_a_report_is_needed():
    assert decide(None, adapter("r1", 40), None)["go"]
    assert not decide(None, unmeasured("r1"), None)["go"]


def test_only_variants_that_write_data_and_have_ended_are_asked_about():
    first, second = adapter("r1", 5), adapter("r2", 5, generator_from="r1")
    third = unmeasured("r3", "Pending", "", generator_from="r2")
    found = rounds([first, second, third], RULE)
    assert {name: said["go"] for name, said in found.items()} == {"r1": True, "r2": False}
    waiting = [first, unmeasured("r2", "Running", "", generator_from="r1"), third]
    assert set(rounds(waiting, RULE)) == {"r1"}
    document = combine({"name": "e"}, "r1", [first, second, third], RULE)
    assert document["rounds"] == found
