"""Rounds: the first one gains nearly all there is, and the stop rule ends the rest by its intervals."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("rounds")


def test_the_first_round_is_worth_a_second(ran):
    assert ran.combined["rounds"]["first"]["go"], ran.combined["rounds"]["first"]["why"]


def test_the_second_round_is_written_by_the_adapter_of_the_first(ran):
    adapter = ran.runs["first"]["lineage"]["artifacts"]["adapter"]
    assert adapter in str(ran.runs["second"]["lineage"]["generator"])


def test_the_aligned_student_writes_at_least_as_many_refusals_that_are_kept(ran):
    assert ran.kept("second") >= ran.kept("first") - 0.02


def test_the_second_round_gains_nothing_sure_and_the_third_is_left_out(ran):
    said = ran.combined["rounds"]["second"]
    assert not said["go"]
    third = ran.variant("third")
    assert (third["phase"], third["why"]) == ("Skipped", said["why"])
    assert all(r["why"] == said["why"] for r in ran.combined["rows"] if r["variant"] == "third")
    assert f"skipped: {said['why']}" in " ".join(ran.printed.split())
