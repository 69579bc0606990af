"""Intervals: known values, what must hold for every input, and how often they cover the truth."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis.intervals import clustered_mean, paired_difference, wilson

scores = st.sampled_from([0.0, 1.0])
groups = st.dictionaries(st.integers().map(str), st.lists(scores, min_size=1, max_size=8), min_size=1, max_size=25)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [  # Newcombe, Statistics in Medicine 17:857 (1998), Table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_values(k, n, low, high):
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_stays_in_bounds_is_never_certain_and_is_symmetric(case):
    k, n = case
    low, high = wilson(k, n)
    assert 0 <= low <= k / n <= high <= 1
    assert high - low > 0
    mirrored = wilson(n - k, n)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


@pytest.mark.parametrize(("k", "n"), [(1, 0), (-1, 5), (6, 5), (math.nan, 5)])
def test_wilson_refuses_what_is_no_rate(k, n):
    with pytest.raises(ValueError, match="no rate"):
        wilson(k, n)


@given(groups)
def test_a_clustered_mean_lies_within_its_interval_and_within_0_and_1(values):
    found = clustered_mean(values)
    flat = [x for group in values.values() for x in group]
    assert found.value == pytest.approx(sum(flat) / len(flat))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 0
    assert (found.n, found.clusters) == (len(flat), len(values))


@given(st.lists(scores, min_size=1, max_size=60))
def test_one_sample_a_problem_is_plain_wilson(flat):
    found = clustered_mean({str(i): [x] for i, x in enumerate(flat)})
    assert (found.low, found.high) == pytest.approx(wilson(sum(flat), len(flat)))


@given(st.lists(scores, min_size=2, max_size=40), st.integers(2, 8))
def test_repeating_one_answer_is_no_more_evidence_than_the_answer(flat, times):
    once = clustered_mean({str(i): [x] for i, x in enumerate(flat)})
    repeated = clustered_mean({str(i): [x] * times for i, x in enumerate(flat)})
    assert repeated.value == pytest.approx(once.value)
    assert repeated.high - repeated.low >= (once.high - once.low) * 0.999


def test_many_samples_that_differ_within_their_problem_are_more_evidence_than_one_each():
    one = clustered_mean({str(i): [float(i % 2)] for i in range(50)})
    many = clustered_mean({str(i): [float((i + j) % 2) for j in range(8)] for i in range(50)})
    assert many.high - many.low < 0.5 * (one.high - one.low)


def test_all_right_in_every_sample_counts_problems_not_samples():
    found = clustered_mean({str(i): [1.0] * 8 for i in range(20)})
    assert found.value == found.high == 1
    assert found.low <= wilson(20, 20)[0]


def test_one_problem_says_nothing_of_others():
    found = clustered_mean({"a": [1.0, 1.0, 0.0, 1.0]})
    assert (found.low, found.high) == (0, 1)


@pytest.mark.parametrize("values", [{}, {"a": []}])
def test_a_mean_of_nothing_is_an_error(values):
    with pytest.raises(ValueError, match="no samples"):
        clustered_mean(values)


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1, math.inf])
def test_a_score_outside_0_and_1_is_an_error(bad):
    with pytest.raises(ValueError, match="between 0 and 1"):
        clustered_mean({"a": [bad]})
    with pytest.raises(ValueError, match="between 0 and 1"):
        paired_difference({"a": [0.0]}, {"a": [bad]})


@given(groups, st.randoms(use_true_random=False))
def test_a_difference_is_antisymmetric_in_bounds_and_never_certain(base, random):
    aligned = {key: [float(random.random() < 0.5) for _ in group] for key, group in base.items()}
    there, back = paired_difference(base, aligned), paired_difference(aligned, base)
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert there.high - there.low > 0
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low))
    assert there.n == len(base)


def test_pairs_that_differ_by_one_sample_give_bonett_and_prices_interval():
    # 3 better, 9 worse, 28 the same: (f12 + 1) / (n + 2) and (f21 + 1) / (n + 2), Wald; t instead of z here.
    base = {str(i): [1.0 if 3 <= i < 12 else 0.0] for i in range(40)}
    aligned = {str(i): [1.0 if i < 3 else 0.0] for i in range(40)}
    found = paired_difference(base, aligned)
    better, worse, n = 4 / 42, 10 / 42, 42
    z = (found.high - found.low) / 2 / math.sqrt((better + worse - (better - worse) ** 2) / n)
    assert found.value == pytest.approx(-6 / 40)
    assert (found.low + found.high) / 2 == pytest.approx(better - worse)
    assert 1.96 < z < 2.06  # t with 41 degrees of freedom and n - 1


def test_nothing_changed_is_not_certainty():
    same = {str(i): [1.0, 0.0] for i in range(20)}
    found = paired_difference(same, same)
    assert found.value == 0
    assert found.high > 0.1 and found.low < -0.1


def test_pairing_sees_what_the_two_intervals_alone_do_not():
    base = {str(i): [float(i < 50)] for i in range(100)}
    aligned = {str(i): [float(i < 40)] for i in range(100)}
    found, old, new = paired_difference(base, aligned), clustered_mean(base), clustered_mean(aligned)
    assert new.high > old.low  # the intervals overlap
    assert found.high < 0  # and yet it fell


def test_only_shared_problems_are_paired():
    found = paired_difference({"a": [1.0], "b": [1.0], "c": []}, {"a": [0.0], "c": [1.0], "d": [1.0]})
    assert (found.value, found.n) == (-1, 1)
    with pytest.raises(ValueError, match="no shared problems"):
        paired_difference({"a": [1.0]}, {"b": [1.0]})


def problem_rates(rng, rate, alike, problems):
    """Rates of single problems around `rate`, with intra-problem correlation `alike`."""
    if alike in (0, 1):
        return np.full(problems, rate) if alike == 0 else (rng.random(problems) < rate).astype(float)
    size = 1 / alike - 1
    return rng.beta(rate * size, (1 - rate) * size, problems)


def drawn(rng, rates, samples):
    return {str(i): (rng.random(samples) < q).astype(float).tolist() for i, q in enumerate(rates)}


@pytest.mark.parametrize("problems", [30, 100])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("alike", [0, 0.3, 1])
def test_the_interval_of_a_mean_covers_the_truth(problems, rate, alike):
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(300):
        found = clustered_mean(drawn(rng, problem_rates(rng, rate, alike, problems), 4))
        hits += found.low <= rate <= found.high
    assert hits / 300 >= 0.91  # 95% nominal; standard error of 300 trials 1.3 points


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize(("rate", "changed", "to"), [(0.5, 0.0, 0), (0.9, 0.3, 0), (0.5, 0.95, 0), (0.2, 0.1, 1)])
def test_the_interval_of_a_difference_covers_the_truth(samples, rate, changed, to):
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(300):
        before = problem_rates(rng, rate, 0.3, 60)
        after = np.where(rng.random(60) < changed, to, before)
        found = paired_difference(drawn(rng, before, samples), drawn(rng, after, samples))
        hits += found.low <= changed * (to - rate) <= found.high
    assert hits / 300 >= 0.91


def test_ignoring_the_problems_would_be_too_sure():
    """The reason for clustering: samples taken as independent cover the truth far too seldom."""
    rng = np.random.default_rng(3)
    naive = ours = 0
    for _ in range(200):
        values = drawn(rng, problem_rates(rng, 0.5, 0.5, 40), 8)
        flat = [x for group in values.values() for x in group]
        low, high = wilson(sum(flat), len(flat))
        naive += low <= 0.5 <= high
        found = clustered_mean(values)
        ours += found.low <= 0.5 <= found.high
    assert naive / 200 < 0.8
    assert ours / 200 > 0.9
