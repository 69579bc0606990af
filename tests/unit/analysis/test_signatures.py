"""Each failure signature shows with its evidence when its number is bad, and only then."""

import re
from pathlib import Path

import pytest

from thinksafe.analysis import data_signatures, report, signatures
from thinksafe.analysis.signatures import find

from .test_gate import metric


def retained(label="harmful", kept=95, prompts=100, total=100, **reasons):
    return {"label": label, "kept": kept, "prompts": prompts, "total": total,
            "reasons": {name.replace("_", "-"): n for name, n in reasons.items()}}


def codes(**parts):
    return [s["code"] for s in find(parts)]


def test_a_healthy_run_shows_none():
    assert codes(
        metrics=[metric("base", value=0.9), metric(value=0.01)],
        retention=[retained(unsafe=5), retained("benign", kept=99)],
        perplexity=[{"label": "harmful", "value": 1.16}],
    ) == []
    assert codes() == []


@pytest.mark.parametrize(("value", "shown"), [(2.9, False), (3.1, True), (None, True)])
def test_high_perplexity(value, shown):
    assert codes(perplexity=[{"label": "harmful", "value": value}]) == ["high-perplexity"] * shown


@pytest.mark.parametrize(("kept", "shown"), [(80, False), (79, True), (0, True)])
def test_low_retention_counts_prompts_and_names_the_leading_reason(kept, shown):
    row = retained(kept=kept, total=900, unsafe=300, spare=400)
    found = find({"retention": [row, retained("benign")]})
    assert [s["code"] for s in found] == ["low-retention"] * shown
    if shown:
        assert "judged unsafe (300)" in found[0]["evidence"]


def test_few_benign_rows_have_their_own_advice():
    harmful, benign = (
        find({"retention": [retained(), retained("benign"), retained(label, kept=1)]})[0]["hint"]
        for label in ("harmful", "benign")
    )
    assert harmful != benign


@pytest.mark.parametrize("benign", [[], [retained("benign", kept=0, total=0, prompts=0)],
                                    [retained("benign", kept=0, other=100)]])  # fmt: skip
def test_refusals_alone_are_no_data_set(benign):
    assert codes(retention=[retained(), *benign])[0] == "no-benign-rows"
    assert codes(retention=[retained(kept=0, total=0, prompts=0), *benign]).count("no-benign-rows") == 0


@pytest.mark.parametrize(("unsafe", "shown"), [(14, False), (15, True), (60, True)])
def test_a_filter_that_throws_away_what_is_harmless(unsafe, shown):
    rows = [retained(kept=40, unsafe=60), retained("benign", kept=100 - unsafe, unsafe=unsafe)]
    # The harmful rows that are missing are the filter's doing, then, and not the steering's.
    assert codes(retention=rows) == (["strict-filter"] if shown else ["low-retention"])


@pytest.mark.parametrize(("change", "shown"), [(-0.02, False), (-0.031, True), (0.1, False)])
def test_reasoning_drop_says_whether_it_could_be_chance(change, shown):
    aligned = metric(kind="accuracy", value=0.5) | {
        "difference": {"value": change, "low": change - 0.05, "high": change + 0.05, "n": 100}}
    found = find({"metrics": [metric("base", "accuracy", 0.6), aligned]})
    assert [s["code"] for s in found] == ["reasoning-drop"] * shown
    if shown:
        assert "includes no change" in found[0]["evidence"]


@pytest.mark.parametrize(("base", "aligned", "shown"), [(0.0, 0.04, False), (0.0, 0.05, True), (0.08, 0.1, True)])
def test_over_refusal(base, aligned, shown):
    found = codes(metrics=[metric("base", "refusal", base), metric("aligned", "refusal", aligned)])
    assert found == ["over-refusal"] * shown


@pytest.mark.parametrize(("base", "aligned", "shown"), [(0, 4, False), (0, 5, True), (30, 31, False), (30, 33, True)])
def test_runaway_thinking_of_the_adapter(base, aligned, shown):
    found = codes(metrics=[metric("base") | {"truncated": base}, metric() | {"truncated": aligned}])
    assert found == ["runaway-thinking"] * shown


@pytest.mark.parametrize(("reason", "code"), [
    ("truncated", "runaway-thinking"), ("repetition", "runaway-thinking"), ("unclosed_thought", "broken-format"),
    ("empty_thought", "broken-format"), ("empty_answer", "broken-format"),
])  # fmt: skip
def test_responses_that_do_not_end_and_responses_that_end_in_the_wrong_shape(reason, code):
    benign = retained("benign")
    assert codes(retention=[retained(**{reason: 5}), benign]) == [code]
    assert codes(retention=[retained(**{reason: 4}), benign]) == []
    # However many there are, more steering is no help: low retention is not what is wrong.
    assert codes(retention=[retained(kept=10, **{reason: 80}, unsafe=10), benign]) == [code]
    assert codes(retention=[retained(kept=10, **{reason: 10}, unsafe=80), benign]) == [code, "low-retention"]


@pytest.mark.parametrize("reason", ["label_mass", "no_answer", "overlong"])
def test_an_unreadable_guard(reason):
    assert codes(retention=[retained(**{reason: 2}), retained("benign")]) == ["guard-unreadable"]
    assert codes(retention=[retained(**{reason: 1}), retained("benign")]) == []
    assert codes(retention=[retained(kept=0, **{reason: 100})]) == ["guard-unreadable"]


def test_an_unreadable_judge():
    assert codes(metrics=[metric(n=98, unscored=2)]) == ["guard-unreadable"]
    assert codes(metrics=[metric(n=99, unscored=1)]) == []


def test_one_failure_in_several_places_is_one_signature_with_all_evidence():
    (found,) = find({"perplexity": [{"label": "harmful", "value": 5.0}, {"label": "benign", "value": 6.0},
                                    {"label": "all", "value": 5.5}]})
    assert "5.00" in found["evidence"] and "6.00" in found["evidence"] and "5.50" not in found["evidence"]
    assert found["hint"].count("spec.generator") == 1


def test_causes_come_before_what_follows_from_them():
    found = codes(
        metrics=[metric("base", "refusal", 0.0), metric("aligned", "refusal", 0.5)],
        perplexity=[{"label": "harmful", "value": 9.0}],
        retention=[retained(truncated=9, no_answer=9, unclosed_thought=9)],
    )
    assert found == ["guard-unreadable", "broken-format", "runaway-thinking", "no-benign-rows", "high-perplexity",
                     "over-refusal"]  # fmt: skip


def test_every_signature_has_its_name_on_the_page():
    source = "".join(Path(module.__file__).read_text() for module in (signatures, data_signatures))
    assert set(re.findall(r'signature\(\s*"([a-z-]+)"', source)) == set(report.SIGNATURES)
