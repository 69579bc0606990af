"""Another guard, and a quorum of three (the paper's Tables 6, 7): with guards that know their task, little changes."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
HARMFUL = ("tiny-harmful", "tiny-harmful-verbs")


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("guards")


def test_all_are_measured_by_one_judge_and_filtered_by_their_own_guard(ran):
    judges, guards = (
        {name: ran.runs[name]["lineage"][role]["name"] for name in ran.runs} for role in ("judge", "guard")
    )
    assert set(judges.values()) == {"tiny://guard"}
    assert guards == {"first": "tiny://guard", "swapped": "tiny://guard?seed=1", "quorum": "tiny://guard"}
    assert [g["name"] for g in ran.runs["quorum"]["lineage"]["quorum"]["guards"]] == [
        "tiny://guard?seed=1", "tiny://guard",
    ]  # fmt: skip


@pytest.mark.parametrize("variant", ["swapped", "quorum"])
def test_as_much_is_kept(ran, variant):
    for label in ("harmful", "benign"):
        assert abs(ran.kept(variant, label) - ran.kept("first", label)) < 0.1


@pytest.mark.parametrize("variant", ["swapped", "quorum"])
@pytest.mark.parametrize("benchmark", HARMFUL)
def test_the_student_becomes_as_safe(ran, variant, benchmark):
    row = ran.row(variant, benchmark)
    assert row["difference"]["low"] <= 0 <= row["difference"]["high"]
    assert row["high"] < row["base"]["low"]


def test_the_agreement_table_has_every_pair_over_every_response(ran):
    table = ran.runs["quorum"]["agreement"]
    assert len(table) == 3
    assert ran.variant("quorum")["further"]["agreement"] == table
    asked = sum(r["total"] for r in ran.variant("quorum")["retention"])
    for pair in table:
        assert 0 < pair["n"] <= asked
        assert pair["kappa"] > 0.8
    assert not ran.runs["first"]["agreement"]


def test_the_quorums_scores_of_the_first_guard_are_those_of_the_first_variant(ran):
    first, quorum = (ran.runs[name]["lineage"]["artifacts"] for name in ("first", "quorum"))
    assert first["scores-1"] == quorum["scores-1"]
    assert quorum["scores-1-g2"] == ran.runs["swapped"]["lineage"]["artifacts"]["scores-1"]
