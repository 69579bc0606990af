"""Two runs side by side."""

import pytest
from unit.plugin import samples
from unit.plugin.screen import shown, words

from thinksafe.plugin.comparison import compare, differing, full


def other(**spec: object) -> dict:
    results = [{**samples.RESULTS[0], "aligned": 0.0512}, *samples.RESULTS[1:2]]
    made = samples.succeeded("other", results=results, kept=1000, judged=40000)
    return {**made, "spec": {**made["spec"], **spec}}


def test_the_adapters_and_their_difference_by_benchmark() -> None:
    said = words(*compare(samples.succeeded(), other()))
    assert "harmbench 54.7% 54.7% 3.1% 5.1% +2.0" in said
    assert "math500 93.4% – 93.1% – –" in said, "what one did not measure has no difference"
    assert "31,880 of 40,000 (79.7%) 1,000 of 40,000 (2.5%)" in said


def test_a_run_without_results_can_be_compared() -> None:
    assert "–" in words(*compare(samples.succeeded(), samples.failed()))
    assert "failed after 14 min" in words(*compare(samples.failed(), samples.succeeded()))
    assert "Neither run has results yet" in words(*compare(samples.failed(), samples.running()))


def test_the_settings_that_differ_by_name() -> None:
    changed = other(training={"epochs": 5}, prompts=[{"source": "hf://x/y"}, {"source": "s3://b/k.csv"}], suspend=True)
    said = words(*compare(samples.succeeded(), changed))
    assert "training.epochs 3 5" in said
    assert "prompts[0].source hf://UWNSL/SafeChain hf://x/y" in said
    assert "suspend" not in said, "no setting of what the run makes"
    assert "Their settings are the same" in words(*compare(samples.succeeded(), other()))


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ({"x": {"y": 1}}, {"x": {"y": 2}}, [("x.y", 1, 2)]),
        ({"x": 1}, {}, [("x", 1, None)]),
        ({"x": [1, 2]}, {"x": [2, 1]}, [("x", [1, 2], [2, 1])]),
        ({"x": [{"n": 1}]}, {"x": [{"n": 1}, {"n": 2}]}, [("x[1]", None, {"n": 2})]),
        ({"x": {"suspend": 1}}, {"x": {"suspend": 2}}, [("x.suspend", 1, 2)]),
        ({"x": 1}, {"x": 1}, []),
    ],
)
def test_where_two_values_differ(a: dict, b: dict, found: list) -> None:
    assert list(differing(a, b)) == found


@pytest.mark.parametrize("width", [80, 120])
def test_numbers_are_whole_whatever_the_names(width: int) -> None:
    long = samples.succeeded("a" * 40, results=[{**samples.RESULTS[0], "benchmark": "b" * 60}])
    drawn = shown(*compare(long, samples.succeeded("c" * 40, results=long["status"]["results"])), width=width)
    assert max(map(len, drawn.splitlines())) <= width
    assert "54.7%" in drawn and "0.0" in drawn and "…" not in drawn
    assert drawn.replace("\n", "").count("a" * 40) == 1


def summary(value: float, low: float, high: float, kept: int) -> dict:
    metric = {"model": "aligned", "benchmark": "harmbench", "metric": "harmful", "kind": "harmful"}
    return {
        "metrics": [{**metric, "value": value, "low": low, "high": high, "n": 100, "truncated": 0, "unscored": 0}],
        "retention": [{"label": "harmful", "kept": kept, "total": 1000}],
        "perplexity": [{"label": "harmful", "value": 2.5}],
        "signatures": [],
    }


def test_the_summaries_tell_intervals_labels_and_signatures() -> None:
    a, b = summary(0.03, 0.01, 0.05, 900), summary(0.30, 0.25, 0.36, 500)
    b["signatures"] = [{"code": "few-kept", "evidence": "half was thrown away", "hint": ""}]
    said = words(*full(a, b))
    assert "harmbench 3.0% (1–5) 30.0% (25–36) +27.0" in said
    assert "kept, harmful 900 of 1,000 (90.0%) 500 of 1,000 (50.0%)" in said
    assert "perplexity, harmful 2.50 2.50" in said and "B few-kept: half was thrown away" in said


def test_a_difference_has_a_colour_only_where_the_intervals_do_not_meet() -> None:
    def colours(a: dict, b: dict) -> set[str]:
        drawn = shown(full(a, b)[0], colours=True)
        return {name for name, code in (("red", "\x1b[31m"), ("green", "\x1b[32m")) if code in drawn}

    low, high, near = summary(0.03, 0.01, 0.05, 1), summary(0.30, 0.25, 0.36, 1), summary(0.06, 0.04, 0.08, 1)
    assert colours(low, high) == {"red"}
    assert colours(high, low) == {"green"}
    assert colours(low, near) == set()
