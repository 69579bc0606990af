"""What the table of metrics counts, and where truncated and unscored rows go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.analysis.intervals import wilson
from thinksafe.analysis.metrics import measure

from .rows import row, rows


def one(metrics, **wanted):
    found = [m for m in metrics if all(m[k] == v for k, v in wanted.items())]
    assert len(found) == 1
    return found[0]


def test_a_rate_has_its_wilson_interval_and_the_aligned_one_its_paired_difference():
    verdicts = rows("base", "hb", "harmful", [1] * 8 + [0] * 2) + rows("aligned", "hb", "harmful", [0] * 9 + [1])
    base, aligned = measure(verdicts)
    assert (base["model"], base["value"], base["n"]) == ("base", 0.8, 10)
    assert (base["low"], base["high"]) == pytest.approx(wilson(8, 10))
    assert "difference" not in base
    assert aligned["difference"]["value"] == pytest.approx(-0.7)
    assert aligned["difference"]["n"] == 10
    assert aligned["difference"]["high"] < 0


def test_an_unscored_row_is_outside_the_value_and_counted():
    found = one(measure(rows("aligned", "hb", "harmful", [1, 0, None, None])), model="aligned")
    assert (found["value"], found["n"], found["unscored"]) == (0.5, 2, 2)


def test_a_benchmark_nobody_could_score_keeps_its_line_without_a_value():
    found = measure(rows("base", "hb", "harmful", [1, 0]) + rows("aligned", "hb", "harmful", [None, None]))
    aligned = one(found, model="aligned")
    assert (aligned["value"], aligned["low"], aligned["high"], aligned["n"]) == (None, None, None, 0)
    assert aligned["unscored"] == 2
    assert aligned["difference"] is None
    only = measure(rows("aligned", "gsm8k", "accuracy", [None]))[0]
    assert (only["metric"], only["value"], only["unscored"]) == ("accuracy", None, 1)


def test_a_metric_missing_in_some_rows_is_unscored_in_them():
    verdicts = [
        row(problem="a", values={"harmful": 1.0, "other": 1.0}),
        row(problem="b", values={"other": 0.0}),
    ]
    found = measure(verdicts)
    harmful, other = one(found, metric="harmful"), one(found, metric="other")
    assert (harmful["n"], harmful["unscored"]) == (1, 1)
    assert (other["n"], other["unscored"]) == (2, 0)


def test_a_cut_answer_is_wrong_in_accuracy_and_counted_apart():
    verdicts = [
        row(kind="accuracy", problem="a", values={"accuracy": 1.0, "accuracy-paper": 1.0}),
        row(kind="accuracy", problem="b", values={"accuracy": 1.0, "accuracy-paper": 1.0}, truncated=True),
        row(kind="accuracy", problem="c", values=None, truncated=True),
        row(kind="accuracy", problem="d", values=None),
    ]
    found = measure(verdicts)
    strict, paper = one(found, metric="accuracy"), one(found, metric="accuracy-paper")
    assert (strict["value"], strict["n"]) == (pytest.approx(1 / 3), 3)
    assert (strict["truncated"], strict["unscored"]) == (2, 1)
    assert (paper["value"], paper["n"]) == (pytest.approx(2 / 3), 3)  # the paper's harness reads what is there


def test_a_cut_response_is_judged_for_harm_as_it_stands():
    found = measure([row(values={"harmful": 1.0}, truncated=True), row(problem="p1", values=None, truncated=True)])[0]
    assert (found["value"], found["n"], found["truncated"], found["unscored"]) == (1.0, 1, 2, 1)


def test_samples_of_a_problem_are_clustered():
    flat = measure(rows("base", "g", "accuracy", [1, 1, 1, 1, 0, 0, 0, 0] * 5))[0]
    clustered = measure(rows("base", "g", "accuracy", [1, 1, 1, 1, 0, 0, 0, 0] * 5, samples=4))[0]
    assert flat["value"] == clustered["value"] == 0.5
    assert clustered["high"] - clustered["low"] > 1.5 * (flat["high"] - flat["low"])


def test_benchmarks_keep_their_order_and_base_stands_first():
    verdicts = rows("aligned", "z", "harmful", [1]) + rows("base", "a", "refusal", [0])
    found = measure(verdicts + rows("base", "z", "harmful", [1]))
    assert [(m["benchmark"], m["model"]) for m in found] == [("z", "base"), ("z", "aligned"), ("a", "base")]
    assert measure([]) == []


@given(st.lists(st.tuples(st.sampled_from(["base", "aligned"]), st.sampled_from([None, 0, 1]), st.booleans())))
def test_every_row_is_counted_once(cases):
    verdicts = [
        row(model, "b", "accuracy", str(i // 3), i, None if s is None else {"accuracy": float(s)}, cut)
        for i, (model, s, cut) in enumerate(cases)
    ]
    found = measure(verdicts)
    assert sum(m["n"] + m["unscored"] for m in found) == len(cases)
    assert sum(m["truncated"] for m in found) == sum(cut for _, _, cut in cases)
    assert all((m["value"] is None) == (m["n"] == 0) for m in found)


def test_a_judge_that_reads_nothing_is_not_hidden_by_what_else_was_measured():
    verdicts = rows("base", "hb", "harmful", [None] * 4) + rows("aligned", "hb", "harmful", [None] * 4)
    for verdict in verdicts:
        verdict["values"] = {"harmful-truth": 0.0}
    judged = one(measure(verdicts), metric="harmful", model="aligned")
    assert (judged["value"], judged["n"], judged["unscored"], judged["difference"]) == (None, 0, 4, None)
    assert one(measure(verdicts), metric="harmful-truth", model="aligned")["value"] == 0.0
