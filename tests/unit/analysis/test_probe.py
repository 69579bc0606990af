"""Which template the probe takes: most flips for the least over-refusal, and of equals the first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis import probe
from thinksafe.analysis.intervals import wilson

TEMPLATES = ["prefix", "suffix", "risk"]


def rows(template, flips, refusals, n=10):
    return [
        {"template": template, "label": label, "hit": i < hits}
        for label, hits in (("harmful", flips), ("benign", refusals))
        for i in range(n)
    ]


def chosen(**counts):
    return probe.decide(list(counts), [r for t, (f, o) in counts.items() for r in rows(t, f, o)])["chosen"]


def test_most_flips_less_over_refusal_is_taken():
    assert chosen(prefix=(7, 0), suffix=(9, 1), risk=(5, 0)) == "suffix"
    assert chosen(prefix=(7, 0), suffix=(10, 10), risk=(5, 0)) == "prefix"  # refuses whatever it stands around


def test_of_equals_the_first_candidate_is_taken():
    assert chosen(prefix=(5, 0), suffix=(8, 3), risk=(5, 0)) == "prefix"
    assert chosen(risk=(5, 0), suffix=(8, 3), prefix=(5, 0)) == "risk"
    assert chosen(a=(9, 3), b=(8, 2)) == "a"  # 0.6 both, which sums of floats may tell apart


def test_what_is_told_of_each_template():
    found = probe.decide(["prefix", "none"], [*rows("prefix", 7, 2), *rows("none", 0, 0)])
    first = found["tried"][0]
    assert (first["flips"]["hits"], first["flips"]["n"], first["refusals"]["hits"]) == (7, 10, 2)
    assert (first["flips"]["low"], first["flips"]["high"]) == wilson(7, 10)
    assert first["gain"] == pytest.approx(0.5) and [t["template"] for t in found["tried"]] == ["prefix", "none"]


def test_without_prompts_of_a_label_the_other_decides():
    harmful = [r for t, f in (("a", 2), ("b", 6)) for r in rows(t, f, 0) if r["label"] == "harmful"]
    found = probe.decide(["a", "b"], harmful)
    assert found["chosen"] == "b" and found["tried"][0]["refusals"] == {"hits": 0, "n": 0, "low": None, "high": None}
    assert probe.decide(["a", "b"], [])["chosen"] == "a"


def test_a_response_to_no_candidate_is_an_error():
    with pytest.raises(ValueError, match="no candidate"):
        probe.decide(["a"], rows("b", 1, 1))


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), min_size=2, max_size=5), st.randoms())
def test_the_choice_is_the_best_whatever_the_order_of_the_rows(counts, rng):
    names = [f"t{i}" for i in range(len(counts))]
    made = [r for name, (f, o) in zip(names, counts, strict=True) for r in rows(name, f, o)]
    before = probe.decide(names, made)
    rng.shuffle(made)
    assert probe.decide(names, made) == before
    best = max(f - o for f, o in counts)
    assert before["chosen"] == names[[f - o for f, o in counts].index(best)]
