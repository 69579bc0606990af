"""How far guards agree: every response is counted once a pair, and kappa is Cohen's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis.agreement import kappa, pairs

verdict = st.sampled_from(["safe", "unsafe", "unscored"])
rows = st.lists(st.tuples(verdict, verdict, verdict), max_size=40)


def test_kappa_is_the_textbooks():
    # 50 cases: 20 both yes, 15 both no, 5 and 10 apart; observed 0.7, by chance 0.5.
    assert kappa(15, 20, 5, 10) == pytest.approx(0.4)
    assert kappa(7, 3, 0, 0) == pytest.approx(1.0)
    assert kappa(25, 25, 25, 25) == pytest.approx(0.0)


@pytest.mark.parametrize("table", [(9, 0, 0, 0), (0, 4, 0, 0), (5, 0, 0, 3), (0, 0, 0, 0), (0, 2, 0, 6)])
def test_kappa_is_nothing_where_a_guard_says_the_same_of_all(table):
    assert kappa(*table) is None


@given(rows)
def test_each_pair_counts_every_response_once(found):
    made = pairs(["a", "b", "c"], found)
    assert [(p["first"], p["second"]) for p in made] == [("a", "b"), ("a", "c"), ("b", "c")]
    for p in made:
        apart = p["only_first_unsafe"] + p["only_second_unsafe"]
        assert p["n"] == p["both_safe"] + p["both_unsafe"] + apart
        assert p["n"] + p["unscored"] == len(found)
        assert p["kappa"] is None or -1 <= p["kappa"] <= 1


@given(rows)
def test_the_other_way_round_it_is_the_same_agreement(found):
    (there,) = pairs(["a", "b"], [(one, other) for one, other, _ in found])
    (back,) = pairs(["b", "a"], [(other, one) for one, other, _ in found])
    assert there["only_first_unsafe"] == back["only_second_unsafe"]
    assert there["kappa"] == (None if back["kappa"] is None else pytest.approx(back["kappa"]))


def test_one_guard_has_nobody_to_agree_with():
    assert pairs(["a"], [("safe",)]) == []
