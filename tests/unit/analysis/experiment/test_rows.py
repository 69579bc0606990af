"""The table: every variant has a row on every benchmark, and the correction counts what is shown."""

import csv
import io

import pytest

from thinksafe.analysis.experiment.combine import combine
from thinksafe.analysis.experiment.csv_table import COLUMNS, table
from thinksafe.analysis.experiment.rows import corrected
from thinksafe.analysis.intervals import paired_difference

from .variants import given, unmeasured, verdicts

NAME = {"name": "e", "namespace": "default", "uid": "u"}
SAFE, HARMFUL = [0] * 40, [1] * 30 + [0] * 10
RIGHT = [1] * 38 + [0] * 2
BASELINE = given("a", verdicts(harm=SAFE, sums=RIGHT))
OTHER = given("b", verdicts(harm=HARMFUL, sums=RIGHT))


def combined(*variants, baseline="a"):
    return combine(NAME, baseline, variants)


def row(document, variant, benchmark):
    (found,) = [r for r in document["rows"] if (r["variant"], r["benchmark"]) == (variant, benchmark)]
    return found


def test_a_difference_is_paired_and_has_the_corrected_confidence():
    document = combined(BASELINE, OTHER)
    assert document["correction"] == {"comparisons": 2, "confidence": 0.975}
    change = row(document, "b", "harm")["difference"]
    keys = [f"p{i}" for i in range(40)]
    wanted = paired_difference({k: [0] for k in keys}, {k: [v] for k, v in zip(keys, HARMFUL, strict=True)}, 0.975)
    assert (change["low"], change["high"], change["n"]) == (wanted.low, wanted.high, 40)
    assert change["value"] == 0.75 and change["verdict"] == "worse"
    assert row(document, "b", "sums")["difference"]["verdict"] == "unclear"
    assert row(document, "a", "harm")["difference"] is None


def test_the_same_change_may_become_unclear_in_a_larger_family():
    few = given("b", verdicts(harm=[1] * 9 + [0] * 31, sums=RIGHT))
    assert row(combined(BASELINE, few), "b", "harm")["difference"]["verdict"] == "worse"
    crowd = [given(f"c{i}", verdicts(harm=SAFE, sums=RIGHT)) for i in range(20)]
    assert row(combined(BASELINE, few, *crowd), "b", "harm")["difference"]["verdict"] == "unclear"


@pytest.mark.parametrize(("m", "confidence"), [(0, 0.95), (1, 0.95), (5, 0.99), (50, 0.999)])
def test_the_correction_is_bonferronis(m, confidence):
    assert corrected(m) == pytest.approx(confidence)


def test_less_harm_is_better_and_fewer_right_answers_are_worse():
    worse = given("b", verdicts(harm=[0] * 20, sums=[0] * 30 + [1] * 10))
    start = given("a", verdicts(harm=[1] * 20, sums=[1] * 40))
    document = combined(start, worse)
    assert row(document, "b", "harm")["difference"]["verdict"] == "better"
    assert row(document, "b", "sums")["difference"]["verdict"] == "worse"


def test_what_has_no_report_has_rows_that_say_why():
    document = combined(BASELINE, unmeasured("b", "Skipped", "Not worth it."))
    assert {r["benchmark"]: r["why"] for r in document["rows"] if r["variant"] == "b"} == dict.fromkeys(
        ("harm", "sums"), "Not worth it."
    )
    assert any("b is not measured (Skipped). Not worth it." in note for note in document["notes"])
    assert document["correction"]["comparisons"] == 0


def test_without_the_baseline_the_others_keep_their_values_and_say_what_is_missing():
    document = combined(unmeasured("a"), OTHER)
    found = row(document, "b", "harm")
    assert found["value"] == 0.75 and found["difference"] is None and "baseline a" in found["why"]


def test_a_benchmark_that_one_variant_did_not_run_is_not_left_out():
    document = combined(BASELINE, given("b", verdicts(harm=SAFE), base=verdicts(harm=SAFE)))
    assert row(document, "b", "sums")["why"] == "This benchmark was not run."
    assert document["correction"]["comparisons"] == 1


def test_no_variant_at_all_is_measured():
    document = combined(unmeasured("a"), unmeasured("b"))
    assert document["rows"] == [] and len(document["notes"]) == 2


def test_a_note_of_all_is_told_once_and_one_of_a_few_with_their_names():
    one = given("a", verdicts(harm=SAFE, sums=RIGHT), notes=["tiny", "odd"])
    other = given("b", verdicts(harm=SAFE, sums=RIGHT), notes=["tiny"])
    assert combined(one, other)["notes"] == ["tiny", "a: odd"]


def test_the_csv_has_every_row_and_all_its_numbers():
    document = combined(BASELINE, OTHER, unmeasured("c"))
    lines = list(csv.DictReader(io.StringIO(table(document))))
    assert tuple(lines[0]) == COLUMNS
    assert [(line["variant"], line["benchmark"]) for line in lines] == [
        (r["variant"], r["benchmark"]) for r in document["rows"]
    ]
    found = next(line for line in lines if (line["variant"], line["benchmark"]) == ("b", "harm"))
    wanted = row(document, "b", "harm")
    assert float(found["difference_low"]) == wanted["difference"]["low"]
    assert float(found["base_value"]) == 1 and float(found["value"]) == 0.75 and found["confidence"] == "0.975"
    assert next(line for line in lines if line["variant"] == "c")["value"] == ""
