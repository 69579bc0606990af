"""A run is told by its settings: which method of the paper it is, and where it is set otherwise."""

import pytest

from thinksafe.analysis.paper.protocol import CHANGES, EXTERNAL, differs, method_of

from .runs import PAPER, WILDGUARD, spec

JUDGED = {"evaluation": {**PAPER["evaluation"], "judge": PAPER["guard"]}}


def given(source, **training):
    prompts = [{"source": source, "responses": "given", "filter": "none"}]
    return {"prompts": prompts, "training": training}


RUNS = {
    "ThinkSafe": {},
    "ThinkSafe with WildGuard": {"guard": WILDGUARD, **JUDGED},
    "ThinkSafe with KL": {"training": {"klWeight": 1.0}},
    "Refusals without thoughts": {"training": {"refusalThoughts": "drop"}},
    "Rejection sampling": {"steering": {"template": "none"}, "generation": {"samples": 5, "keep": "all"}},
    "ThinkSafe by suffix": {"steering": {"template": "suffix"}},
    "ThinkSafe by risk": {"steering": {"template": "risk"}},
    "ThinkSafe by intent": {"steering": {"template": "intent"}},
    "DirectRefusal": given("hf://TianshengHuang/DirectRefusal", epochs=5),
    "SafeChain": given("hf://UWNSL/SafeChain", epochs=3),
    "STAR-1": given("hf://UCSC-VLAA/STAR-1", epochs=5),
}


def test_every_method_that_can_be_run_has_a_run_here():
    assert set(RUNS) == {"ThinkSafe", *CHANGES} and set(EXTERNAL) < set(RUNS)


@pytest.mark.parametrize("method", RUNS)
def test_a_method_is_told_by_its_settings_and_differs_in_none(method):
    run = spec(**RUNS[method])
    assert method_of(run) == method
    left = differs(run, "Qwen3-4B", method)
    assert [d["setting"] for d in left] == (["the loss of benign rows"] if method == "ThinkSafe with KL" else [])


@pytest.mark.parametrize(
    "changes",
    [
        {"training": {"klWeight": 1.0}, "steering": {"template": "risk"}},
        {"generator": {"name": "Qwen/Qwen3-8B"}},
        {"steering": {"ladder": [{"template": "suffix"}]}},
        {"steering": {"template": "No.\n\n{prompt}"}},
        given("s3://bucket/own.parquet"),
        {"prompts": [*PAPER["prompts"], {"source": "hf://UCSC-VLAA/STAR-1", "responses": "given"}]},
    ],
)
def test_a_mixture_is_no_method_of_the_paper(changes):
    assert method_of(spec(**changes)) is None


def settings(changes, method="ThinkSafe", model="Qwen3-4B"):
    return {d["setting"]: (d["paper"], d["run"]) for d in differs(spec(**changes), model, method)}


def test_what_is_set_otherwise_is_listed_with_both_values():
    found = settings({
        "prompts": [{"source": "hf://UWNSL/SafeChain", "limit": {"harmful": 10, "benign": 20}}],
        "dedup": {}, "guard": {}, "training": {"rank": 8, "targets": ["all-linear"]},
        "evaluation": {**PAPER["evaluation"], "limit": 5},
    })  # fmt: skip
    assert found["spec.training.rank"] == ("32", "8")
    assert found["spec.training.targets"] == ("q_proj, v_proj", "all-linear")
    assert found["spec.evaluation.limit"] == ("unset", "5")
    assert found["spec.prompts[].limit"] == ("all rows", "at most 30")
    assert found["spec.guard.family"] == ("llama-guard-3", "qwen3guard")
    assert found["the judge"][1] == "Qwen/Qwen3Guard-Gen-0.6B"
    assert found["spec.dedup.near"] == ("0", "0.8")


def test_r1_is_sampled_without_top_k():
    assert set(settings({}, model="R1-Distill-Qwen-7B")) == {"spec.generation.topK", "spec.evaluation.topK"}


def test_the_base_model_depends_on_no_training():
    assert settings({"training": {"rank": 8}, "steering": {"template": "risk"}}, method="Initial") == {}
    assert set(settings({"evaluation": {"samples": 1}}, method="Initial")) == {"spec.evaluation.samples"}


def test_an_external_set_that_was_filtered_is_not_the_papers():
    run = given("hf://UCSC-VLAA/STAR-1", epochs=3)
    run["prompts"][0].pop("filter")
    assert set(settings(run, method="STAR-1")) == {"spec.training.epochs", "spec.prompts[].filter"}
