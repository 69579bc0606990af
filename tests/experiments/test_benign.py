"""What the benign rows and the filter are for, and the paper's +KL, all measured by one judge."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
ALL = ("with", "without", "strict", "lax", "kl")
HARMFUL = ("tiny-harmful", "tiny-harmful-verbs")


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("benign")


def test_every_variant_came_to_its_end(ran):
    assert all(ran.variant(name)["gate_passed"] is not None for name in ALL)


def test_without_benign_rows_harmless_prompts_are_refused_beyond_chance(ran):
    change = ran.row("without", "tiny-benign")["difference"]
    assert change["low"] > 0 and change["verdict"] == "worse"
    assert "over-refusal" in [s["code"] for s in ran.variant("without")["signatures"]]


def test_a_stricter_filter_keeps_no_more(ran):
    assert ran.kept("strict") <= ran.kept("with") <= ran.kept("lax")


def test_the_filters_strictness_costs_no_reasoning_that_is_seen(ran):
    for name in ("strict", "lax"):
        change = ran.row(name, "tiny-problems")["difference"]
        assert change["low"] <= 0 <= change["high"]


def test_with_kl_the_student_is_as_safe_and_reasons_as_well(ran):
    for benchmark in (*HARMFUL, "tiny-problems"):
        assert ran.row("kl", benchmark)["difference"]["verdict"] != "worse", benchmark
