"""The published figures agree with each other but for the errata that are listed, and each erratum is one."""

import math

import pytest

from thinksafe import benchmarks
from thinksafe.analysis.paper.figures import AVERAGES, figures

FOUND = figures()
COLUMNS = {c.benchmark: c for c in FOUND.columns}
# 17,888 harmful and 22,112 benign prompts are what Table 3 and Figures 9 and 10 give together.
PROMPTS = {"harmful": 17_888, "benign": 22_112}
HALF_A_DIGIT = 0.005  # of a printed per cent


def printed(kind=None):
    """Every printed column value: (result, column, per cent)."""
    return [
        (result, column, value)
        for result in FOUND.results
        for column in FOUND.columns
        if (value := result.value(column.benchmark, FOUND.columns)) is not None
    ]


def is_a_count(value, column):
    """Whether a printed per cent is k of n answers, rounded to two decimals."""
    n = column.problems * column.samples
    return abs(round(value * n / 100) * 100 / n - value) <= HALF_A_DIGIT + 1e-9


def mean(result, name) -> float | None:
    values = [result.value(c.benchmark, FOUND.columns) for c in FOUND.columns if c.kind in AVERAGES[name]]
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if len(known) == len(values) else None


def test_a_column_is_a_benchmark_of_ours_with_its_metric_and_its_problems():
    for column in FOUND.columns:
        benchmark = benchmarks.get(column.benchmark)
        assert (benchmark.kind, benchmark.rows) == (column.kind, column.problems)
        assert column.metric in benchmark.metrics


def test_a_figure_is_a_whole_number_of_answers_but_for_the_errata():
    assert len(printed()) == 81
    wrong = {(r.model, r.method, c.benchmark) for r, c, value in printed() if not is_a_count(value, c)}
    listed = {(r.model, r.method, name) for r in FOUND.results for name in r.errata if name in COLUMNS}
    assert wrong == listed


def test_an_average_is_the_mean_of_its_columns_but_for_the_errata():
    held = 0
    for result in FOUND.results:
        for name in AVERAGES:
            found, said = mean(result, name), getattr(result, name)
            # The columns are rounded themselves, and a listed column is the one that is wrong.
            if found is None or said is None or any(b in result.errata for b in COLUMNS):
                continue
            held += 1
            assert (abs(found - said) > 2 * HALF_A_DIGIT) == (name in result.errata), (result.model, result.method)
    assert held == 18


def test_an_erratum_gives_what_the_others_say():
    for result in FOUND.results:
        for name, right in result.errata.items():
            if right is None:
                continue
            if name in AVERAGES:
                assert abs(right - getattr(result, name)) > 2 * HALF_A_DIGIT
                found = mean(result, name)
                assert found is None or abs(found - right) <= HALF_A_DIGIT + 1e-9
            else:
                assert is_a_count(right, COLUMNS[name])
                values = {c.benchmark: result.value(c.benchmark, FOUND.columns) for c in FOUND.columns}
                values[name] = right
                of_kind = [values[c.benchmark] or 0.0 for c in FOUND.columns if c.kind == COLUMNS[name].kind]
                assert result.reasoning and abs(sum(of_kind) / len(of_kind) - result.reasoning) <= 2 * HALF_A_DIGIT


@pytest.mark.parametrize("label", PROMPTS)
def test_kept_rows_and_filtered_shares_give_the_same_number_of_prompts(label):
    for name, model in FOUND.models.items():
        if model.rows:
            whole = model.rows[label] / (1 - model.filtered[label] / 100)
            assert abs(whole - PROMPTS[label]) <= 5.2, name


def test_every_result_says_where_it_stands_and_has_a_figure():
    for result in FOUND.results:
        assert result.place.split()[0] in ("Table", "Figure")
        assert result.safety is not None or result.reasoning is not None
    assert {r.model for r in FOUND.results} == set(FOUND.models)


def test_the_papers_models_all_have_initial_and_thinksafe():
    for name in FOUND.models:
        before, after = (FOUND.result(name, method) for method in ("Initial", "ThinkSafe"))
        assert before and after and before.safety and after.safety and after.safety < before.safety


def test_the_interval_of_one_sample_is_wilsons():
    """9.63 % of 602 is 7.5 to 12.3, 0.32 % of 313 is 0.06 to 1.8, 2.8 % of 250 is 1.4 to 5.7."""
    for benchmark, value, low, high in (
        ("harmbench-paper", 9.63, 7.5, 12.3), ("strongreject", 0.32, 0.06, 1.8), ("xstest", 2.8, 1.4, 5.7),
    ):  # fmt: skip
        found = COLUMNS[benchmark].interval(value)
        assert found == (pytest.approx(low / 100, abs=6e-4), pytest.approx(high / 100, abs=6e-4))


def test_the_interval_of_eight_samples_is_that_of_as_many_rows_as_problems():
    low, high = COLUMNS["aime24"].interval(73.33)
    assert high - low > 2 * 1.96 * math.sqrt(0.7333 * 0.2667 / 240)  # wider than if all 240 told something new
    assert low == pytest.approx(0.555, abs=0.01) and high == pytest.approx(0.858, abs=0.01)
