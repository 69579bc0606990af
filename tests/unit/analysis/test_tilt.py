"""The tilt audit: log ratios of what was kept, and what they say of the paper's assumption."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis import tilt
from thinksafe.analysis.figures import tilt as figure

RATIOS = st.lists(st.floats(-300, 300), min_size=1, max_size=60)


def rows(ratios, *, rung=1, prompt=None, kept=True, tokens=10):
    return [
        {"id": prompt or f"p{i}", "rung": rung, "kept": kept, "nll": 20.0 + r, "steered_nll": 20.0, "tokens": tokens}
        for i, r in enumerate(ratios)
    ]


def test_the_ratio_is_the_steered_log_probability_less_the_unsteered_one():
    assert tilt.log_ratio({"nll": 12.0, "steered_nll": 9.0}) == pytest.approx(3.0)  # the steering made it likelier


def test_a_row_that_was_not_steered_is_left_out():
    assert tilt.audit([{"id": "a", "rung": 1, "kept": True, "nll": 2.0, "steered_nll": None, "tokens": 3}]) == []
    (found,) = tilt.audit([*rows([1.0]), {**rows([9.0])[0], "id": "b", "steered_nll": None}])
    assert found["rows"] == 1


def test_without_an_effect_of_the_steering_nothing_is_tilted():
    (found,) = tilt.audit(rows([0.0] * 8))
    assert (found["mean"], found["median"], found["q05"], found["q95"], found["per_token"]) == (0, 0, 0, 0, 0)
    assert found["effective"] == 1 and sum(b["count"] for b in found["bins"]) == 8


def test_mean_quantiles_and_the_share_a_token():
    (found,) = tilt.audit(rows([float(i) for i in range(101)], tokens=50))
    assert (found["mean"], found["median"], found["q05"], found["q95"]) == pytest.approx((50, 50, 5, 95))
    assert found["per_token"] == pytest.approx(1.0)
    assert found["low"] < 50 < found["high"]
    assert found["high"] - found["low"] == pytest.approx(2 * 1.984 * 2.9155, rel=1e-3)  # t of 100, s / sqrt(101)


def test_one_row_has_no_interval():
    (found,) = tilt.audit(rows([2.0]))
    assert (found["low"], found["high"], found["spread"], found["prompts"]) == (None, None, None, 0)


def test_prompts_may_differ_and_only_what_varies_within_one_counts_against_the_assumption():
    same = [*rows([3.0, 3.0], prompt="a"), *rows([-5.0, -5.0, -5.0], prompt="b"), *rows([9.0], prompt="c")]
    (found,) = tilt.audit(same)
    assert (found["prompts"], found["spread"]) == (2, pytest.approx(0.0))
    (found,) = tilt.audit([*rows([3.0, 5.0], prompt="a"), *rows([7.0, 7.0], prompt="b")])
    assert found["spread"] == pytest.approx(math.sqrt((1 + 1 + 0 + 0) / 2))


def test_spare_samples_tell_of_the_spread_and_of_nothing_else():
    spare = rows([100.0], prompt="p0", kept=False)
    (found,) = tilt.audit([*rows([1.0, 2.0]), *spare])
    assert (found["rows"], found["mean"], found["prompts"]) == (2, pytest.approx(1.5), 1)
    assert found["spread"] == pytest.approx(99 / math.sqrt(2))


def test_rungs_are_apart_for_each_was_drawn_from_a_distribution_of_its_own():
    found = tilt.audit([*rows([1.0], rung=2), *rows([5.0, 5.0], rung=1)])
    assert [(r["rung"], r["rows"], r["mean"]) for r in found] == [(1, 2, 5.0), (2, 1, 1.0)]


def test_an_effective_size_by_hand():
    # Weights 1 and 1/3: (4/3)^2 / (10/9) / 2 = 0.8.
    assert tilt.effective_share([0.0, math.log(3)]) == pytest.approx(0.8)
    assert tilt.effective_share([0.0] + [800.0] * 9) == pytest.approx(0.1)


@given(RATIOS, st.floats(-500, 500))
def test_the_effective_size_knows_only_differences(ratios, shift):
    found = tilt.effective_share(ratios)
    assert 1 / len(ratios) - 1e-9 <= found <= 1 + 1e-9
    assert tilt.effective_share([r + shift for r in ratios]) == pytest.approx(found, rel=1e-6)


@given(RATIOS)
def test_every_row_is_in_one_bin_that_holds_it(ratios):
    bins = tilt.histogram(sorted(ratios))
    assert sum(b["count"] for b in bins) == len(ratios) and len(bins) <= tilt.BINS + 2
    assert bins[0]["low"] <= min(ratios) + 1e-9 and max(ratios) <= bins[-1]["high"] + 1e-9
    assert all(one["high"] == pytest.approx(two["low"]) for one, two in itertools.pairwise(bins))


@given(RATIOS)
def test_the_quantiles_are_in_order_and_within(ratios):
    (found,) = tilt.audit(rows(ratios))
    assert min(ratios) - 1e-9 <= found["q05"] <= found["median"] + 1e-9 <= found["q95"] + 2e-9 <= max(ratios) + 3e-9


def test_a_sum_that_is_no_number_is_an_error():
    with pytest.raises(ValueError, match="not finite"):
        tilt.audit([{"id": "a", "rung": 1, "kept": True, "nll": math.inf, "steered_nll": 1.0, "tokens": 3}])


def test_the_figure_says_it_in_a_sentence():
    drawing = figure.ratios(tilt.audit([*rows([2.0, 4.0]), *rows([1.0], prompt="p0", kept=False)]))
    assert drawing is not None
    assert "likelier by 3.00 nats on average (0.300 a token)" in drawing.note and "within a prompt" in drawing.note
    assert figure.ratios([]) is None
    assert "less likely by 2.00" in figure.sentence(tilt.audit(rows([-2.0, -2.0]))[0])
