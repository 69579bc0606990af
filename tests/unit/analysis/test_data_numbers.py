"""Retention, coverage and perplexity: counted once, and impossible counts refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis import perplexity, retention


def test_retention_adds_the_rungs_and_keeps_reasons_apart():
    counts = [
        {"label": "harmful", "rung": 1, "reason": "kept", "count": 6},
        {"label": "harmful", "rung": 1, "reason": "unsafe", "count": 4},
        {"label": "harmful", "rung": 2, "reason": "kept", "count": 1},
        {"label": "harmful", "rung": 2, "reason": "label-mass", "count": 3},
    ]
    (found, nothing) = retention.by_label(counts, {"harmful": 10, "other": 5})
    assert found == {"label": "harmful", "kept": 7, "unfiltered": 0, "total": 14, "prompts": 10,
                     "reasons": {"unsafe": 4, "label-mass": 3}}
    assert nothing == {"label": "other", "kept": 0, "unfiltered": 0, "total": 0, "prompts": 5, "reasons": {}}


def test_what_nobody_judged_is_kept_and_counted_apart():
    counts = [
        {"label": "harmful", "rung": 1, "reason": "unfiltered", "count": 4},
        {"label": "harmful", "rung": 1, "reason": "kept", "count": 3},
        {"label": "harmful", "rung": 1, "reason": "unsafe", "count": 2},
    ]
    (found,) = retention.by_label(counts, {"harmful": 9})
    assert (found["kept"], found["unfiltered"], found["total"], found["reasons"]) == (7, 4, 9, {"unsafe": 2})
    assert retention.coverage(counts, {"harmful": 9})[0]["covered"] == 7


def test_coverage_grows_with_the_rungs_and_shows_a_rung_that_gave_nothing():
    counts = [
        {"label": "harmful", "rung": 2, "reason": "kept", "count": 1},
        {"label": "harmful", "rung": 1, "reason": "kept", "count": 6},
        {"label": "harmful", "rung": 3, "reason": "unsafe", "count": 3},
    ]
    found = retention.coverage(counts, {"harmful": 10})
    assert [(row["rung"], row["kept"], row["covered"], row["prompts"]) for row in found] == [
        (1, 6, 6, 10), (2, 1, 7, 10), (3, 0, 7, 10)]


def test_impossible_counts_are_refused():
    with pytest.raises(ValueError, match="no prompt"):
        retention.by_label([{"label": "x", "rung": 1, "reason": "kept", "count": 1}], {"harmful": 1})
    with pytest.raises(ValueError, match="of 1"):
        retention.coverage([{"label": "harmful", "rung": 1, "reason": "kept", "count": 2}], {"harmful": 1})


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 3), st.sampled_from(["kept", "unsafe", "x"]),
                          st.integers(0, 50))))
def test_no_response_is_lost_or_counted_twice(cases):
    counts = [{"label": a, "rung": r, "reason": w, "count": n} for a, r, w, n in cases]
    found = retention.by_label(counts, {"a": 1, "b": 1})
    assert sum(row["total"] for row in found) == sum(n for *_, n in cases)
    assert all(row["kept"] + sum(row["reasons"].values()) == row["total"] for row in found)


def test_perplexity_is_of_tokens_and_not_of_rows():
    rows = [{"label": "harmful", "nll": math.log(2) * 10, "tokens": 10},
            {"label": "harmful", "nll": math.log(8) * 30, "tokens": 30}]
    everything, harmful = perplexity.estimate(rows)
    assert (everything["label"], harmful["label"]) == ("all", "harmful")
    assert harmful["value"] == pytest.approx(2 ** ((10 + 90) / 40))
    assert (harmful["rows"], harmful["tokens"]) == (2, 40)
    assert harmful["low"] < harmful["value"] < harmful["high"]


def test_perplexity_of_nothing_and_of_one_row():
    assert perplexity.estimate([]) == []
    assert perplexity.estimate([{"label": "a", "nll": 0.0, "tokens": 0}]) == []
    (_, one) = perplexity.estimate([{"label": "a", "nll": 3.0, "tokens": 3}])
    assert (one["value"], one["low"], one["high"]) == (pytest.approx(math.e), None, None)


def test_a_loss_that_is_no_number_is_an_error_and_a_huge_one_no_value():
    with pytest.raises(ValueError, match="not finite"):
        perplexity.estimate([{"label": "a", "nll": math.nan, "tokens": 3}])
    assert perplexity.estimate([{"label": "a", "nll": 1e6, "tokens": 1}])[0]["value"] is None


def test_the_interval_of_perplexity_covers_the_truth():
    import numpy as np

    rng = np.random.default_rng(5)
    hits = 0
    for _ in range(300):
        rate = rng.gamma(4, 0.05, 60)  # mean 0.2 nats a token, differing by response
        tokens = rng.integers(20, 200, 60)
        rows = [{"label": "a", "nll": float(r * t), "tokens": int(t)} for r, t in zip(rate, tokens, strict=True)]
        found = perplexity.estimate(rows)[0]
        hits += found["low"] <= math.exp(0.2) <= found["high"]
    assert hits / 300 >= 0.91
