"""What workers' last words are believed to say. A gate that is not told whole is not passed."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.status import MAX_RESULTS, Result
from thinksafe_operator import outcomes
from thinksafe_operator.state import Job, Pod

JOB = Job("j", "uid", "generate", 2, 0.0, finished="Complete")
POD = Pod("p0", "generate", 2, 0, "Succeeded", 0.0, exit_code=0, finished_at=1.0, words={"code": 0, "n": 0})
REPORT = {"code": 0, "gate": {"passed": True, "failed": []}, "report": "s3://b/index.html", "adapter": "s3://b/a"}


def test_only_the_words_of_this_attempts_successes_count_and_of_each_worker_the_last():
    pods = [
        replace(POD, name="p1", index=1, words={"code": 0, "n": 1}),
        replace(POD, name="again", finished_at=9.0, words={"code": 0, "n": 9}),
        POD,
        replace(POD, name="failed", index=2, exit_code=1, words={"code": 1}),
        replace(POD, name="crashed as it left", index=3, exit_code=139),
        replace(POD, name="silent", index=4, words=None),
        replace(POD, name="old", index=5, attempt=1),
        replace(POD, name="other", index=6, stage="filter"),
    ]
    assert [w["n"] for w in outcomes.last_words(JOB, pods)] == [9, 1]


def test_counts_are_summed_over_workers_and_artifacts_are_the_stages_own():
    words = [
        {"artifacts": {"responses-1": "ab", "scores-1": "cd"}},
        {"counts": {"rows": 3, "tokens": 5, "device_seconds": 1.5}},
        {"artifacts": {"responses-1": "ab"}, "counts": {"rows": 4, "tokens": None, "device_seconds": 2}},
        {"artifacts": ["ab"], "counts": 7},
    ]
    told = outcomes.of_stage("generate", words)
    assert told == outcomes.Outcome({"responses-1": "ab"}, rows=7, tokens=5, gpu_seconds=3.5)
    assert outcomes.of_stage("generate", []) == outcomes.Outcome()


def test_what_the_guard_let_pass_is_summed_over_labels():
    counts = {"kept": {"harmful": 3, "benign": 4}, "total": {"harmful": 10, "benign": 5}}
    told = outcomes.of_stage("train", [{"counts": counts}])
    assert (told.kept, told.judged) == (7, 15)


@pytest.mark.parametrize(
    ("stage", "nodes"),
    [
        ("prepare", ["problems", "prompts"]),
        ("generate", ["probe-responses", "probe-scores", "responses-1"]),
        ("generate-2", ["responses-2"]),
        ("filter", ["scores-1"]),
        ("filter-9", ["scores-9"]),
        ("train", ["dataset", "perplexity", "adapter"]),
        ("evaluate", ["answers-base", "verdicts-base", "answers-aligned", "verdicts-aligned"]),
        ("report", ["report"]),
    ],
)
def test_each_stage_has_its_artifacts(stage, nodes):
    every = {n: "d" for n in ("problems", "prompts", "dataset", "perplexity", "adapter", "answers-base", "report")}
    every |= {f"{k}-{i}": "d" for k in ("responses", "scores") for i in range(1, 10)}
    every |= {"probe-responses": "d", "probe-scores": "d"}  # with steering.template: auto
    every |= {"verdicts-base": "d", "answers-aligned": "d", "verdicts-aligned": "d"}
    assert list(outcomes.only_of(stage, every)) == nodes


GOOD = {"code": 0, "artifacts": {"prompts": "ab"}, "held": ["train"], "chunks": 0}


def test_the_scores_of_a_quorum_are_of_their_rung():
    every = {name: "d" * 64 for name in ("scores-1", "scores-1-g2", "scores-1-g3", "scores-2", "scores-2-g2")}
    assert list(outcomes.only_of("filter", every)) == ["scores-1", "scores-1-g2", "scores-1-g3"]
    assert list(outcomes.only_of("filter-2", every)) == ["scores-2", "scores-2-g2"]


def test_what_prepare_tells():
    assert outcomes.of_prepare([{}, GOOD]) == outcomes.Prepared({"prompts": "ab"}, ("train",), 0)


@pytest.mark.parametrize("change", [
    {"held": None}, {"held": "train"}, {"held": [1]}, {"chunks": None}, {"chunks": True}, {"chunks": -1},
    {"chunks": float("nan")}, {"artifacts": {}}, {"artifacts": None},
])  # fmt: skip
def test_what_prepare_does_not_tell_whole_has_to_be_told_again(change):
    assert outcomes.of_prepare([{**GOOD, **change}]) is None


def test_a_verdict():
    passed = outcomes.of_report([REPORT])
    assert passed and passed.passed and passed.adapter == "s3://b/a" and passed.report == "s3://b/index.html"
    failed = outcomes.of_report([{**REPORT, "gate": {"passed": False, "failed": ["harmful rose"]}}])
    assert failed and not failed.passed and failed.adapter is None and failed.failed == ("harmful rose",)


@pytest.mark.parametrize("change", [
    {"gate": None}, {"gate": {}}, {"gate": {"passed": 1}}, {"gate": {"passed": "true"}}, {"gate": {"passed": None}},
    {"gate": {"passed": True, "failed": ["a rule"]}}, {"gate": {"passed": True, "failed": "no"}},
    {"adapter": None}, {"adapter": ""}, {"adapter": 5}, {"report": None}, {"report": "x" * 2000},
])  # fmt: skip
def test_a_verdict_that_is_not_whole_is_none(change):
    assert outcomes.of_report([{**REPORT, **change}]) is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_fields = ("gate", "report", "adapter", "results", "artifacts", "held", "chunks", "counts", "passed", "failed", "kept")
_words = st.dictionaries(st.sampled_from(_fields), _json | st.dictionaries(st.sampled_from(_fields), _json))


@settings(deadline=None)
@given(_words)
def test_whatever_a_container_says_nothing_breaks_and_nothing_is_passed_by_accident(words):
    verdict = outcomes.of_report([words])
    if verdict and verdict.passed:
        assert words["gate"]["passed"] is True and words["adapter"]
    outcomes.of_prepare([words])
    outcome = outcomes.of_stage("train", [words])
    json.dumps(outcome.artifacts)


def test_results_that_are_well_formed():
    row = {"kind": "harmful", "benchmark": "tiny-harm", "base": 0.5, "aligned": 0.1}
    odd = [{**row, "kind": "other"}, {**row, "benchmark": None}, "row", {**row, "base": None}, {**row, "base": True}]
    found = outcomes.results([row, *odd])
    assert found == [row, {k: row[k] for k in ("kind", "benchmark", "aligned")}, *found[2:]] and len(found) == 3
    for result in found:
        Result.model_validate(result)
    assert len(outcomes.results([row] * 99)) == MAX_RESULTS and outcomes.results(None) == []
