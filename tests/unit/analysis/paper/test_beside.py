"""A run beside the paper: its own column, the right verdict, and nothing where there is nothing to compare."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis import report, summary
from thinksafe.analysis.intervals import independent_difference, wilson
from thinksafe.analysis.paper import beside
from thinksafe.analysis.paper.figures import figures

from ..samples import document
from .runs import metrics, spec

PAPERS = {
    r.method: [v / 100 for v in r.columns if v is not None]
    for r in figures().results
    if r.model == "Qwen3-4B" and r.columns
}


def rows(found):
    return {row["name"]: row for row in found["rows"]}


def both():
    return metrics(PAPERS["Initial"], "base") + metrics(PAPERS["ThinkSafe"])


def test_the_papers_own_figures_are_inside_on_both_sides():
    base, aligned = beside(spec(), both())
    assert (base["model"], base["method"]) == ("base", "Initial")
    assert (aligned["model"], aligned["method"], aligned["place"]) == (
        "aligned",
        "ThinkSafe",
        "arXiv 2601.23143 v4, Table 1",
    )
    for found in (base, aligned):
        assert len(found["rows"]) == 10  # eight columns, two averages
        assert {row["verdict"] for row in found["rows"]} == {"inside"}
        assert all(row["in_run_interval"] and abs(row["difference"]["value"]) < 1e-4 for row in found["rows"])
        assert found["differs"] == []


def test_what_is_far_from_the_paper_is_above_or_below_it():
    values = [*PAPERS["ThinkSafe"]]
    values[0], values[6] = 0.30, 0.50  # HarmBench 9.63 % in the paper, MATH-500 93.53 %
    found = rows(beside(spec(), metrics(values))[0])
    assert (found["HarmBench"]["verdict"], found["MATH-500"]["verdict"]) == ("above", "below")
    assert not found["HarmBench"]["in_run_interval"]
    assert found["StrongReject"]["verdict"] == "inside"
    assert (found["Safety, mean of 4"]["verdict"], found["Reasoning, mean of 4"]["verdict"]) == ("above", "below")


def test_the_papers_own_chance_counts_too():
    """Outside the run's narrow interval, and yet no more than chance: the paper has one sample of 30 problems."""
    values = [*PAPERS["ThinkSafe"]]
    values[4] -= 0.10
    row = rows(beside(spec(), metrics(values))[0])["AIME 2024"]
    assert not row["in_run_interval"] and row["verdict"] == "inside"


def test_reasoning_is_compared_by_the_papers_scorer():
    row = rows(beside(spec(), metrics(PAPERS["ThinkSafe"]))[0])["GSM8K"]
    assert row["run"]["value"] == pytest.approx(0.8806)


def test_where_only_the_average_is_known_it_is_held_against_the_runs_interval():
    run = spec(training={"klWeight": 1.0}, model={"name": "Qwen/Qwen3-0.6B"})
    (found,) = beside(run, metrics([0.3, 0.3, 0.3, 0.156, 0.1, 0.72, 0.71, 0.30]))
    safety, reasoning = found["rows"]
    assert (safety["name"], safety["paper"]["low"], safety["difference"]) == ("Safety, mean of 4", None, None)
    assert (safety["verdict"], reasoning["verdict"]) == ("inside", "inside")
    assert [r["verdict"] for r in beside(run, metrics([0.9] * 8))[0]["rows"]] == ["above", "above"]


def test_a_column_that_was_not_measured_or_not_scored_is_left_out_with_its_average():
    values = [None, *PAPERS["ThinkSafe"][1:]]
    found = rows(beside(spec(), metrics(values))[0])
    assert "HarmBench" not in found and "Safety, mean of 4" not in found and "XSTest" in found
    assert "Reasoning, mean of 4" in found
    assert beside(spec(), []) == []


def test_an_erratum_and_another_way_of_measuring_are_said():
    (found,) = beside(spec(model={"name": "qwen/qwen3-8b"}), metrics(PAPERS["ThinkSafe"]))
    said = rows(found)
    assert "59.97" in said["GPQA diamond"]["remark"] and "WildGuard" in said["XSTest"]["remark"]
    assert said["HarmBench"]["remark"] is None


@pytest.mark.parametrize("name", ["tiny://student?seed=0", "file:///models/Qwen3-4B", "someone/Qwen3-4B"])
def test_another_model_is_never_set_beside_the_paper(name):
    assert beside(spec(model={"name": name}), both()) == []


def test_a_method_that_the_paper_has_not_leaves_the_base_model_alone():
    (found,) = beside(spec(generator={"name": "Qwen/Qwen3-8B"}), both())
    assert found["model"] == "base"


def test_the_summary_takes_it_and_the_page_shows_it():
    run = spec(training={"rank": 8})
    page = report.render(document(paper=beside(run, both())))
    assert "Beside the paper" in page and "10 of 10 figures inside" in page
    assert "<code>spec.training.rank</code> 8 (paper: 32)" in page
    assert page.count("HarmBench") >= 2
    assert "Beside the paper" not in report.render(document())
    assert summary.read(document(paper=beside(run, both()))).paper[1].method == "ThinkSafe"


shares = st.tuples(st.integers(0, 200), st.integers(1, 200)).map(lambda t: (min(t), max(t)))


@given(shares, shares)
def test_a_difference_lies_in_its_interval_and_turns_its_sign_with_its_sides(first, second):
    one, two = ((k / n, *wilson(k, n)) for k, n in (first, second))
    value, low, high = independent_difference(one, two)
    assert low <= value <= high
    assert independent_difference(two, one) == pytest.approx((-value, -high, -low))


def test_the_interval_of_a_difference_covers():
    """Of 600 pairs of samples of one truth about one in twenty is called different; never more than one in ten."""
    rng = random.Random(7)
    outside = 0
    for _ in range(600):
        counts = [sum(rng.random() < 0.1 for _ in range(200)) for _ in range(2)]
        sides = [(k / 200, *wilson(k, 200)) for k in counts]
        _, low, high = independent_difference(*sides)
        outside += not low <= 0 <= high
    assert 0.02 < outside / 600 < 0.09
