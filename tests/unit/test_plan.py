"""A digest changes with everything that changes what comes out, and with nothing else."""

import pytest

from thinksafe import plan
from thinksafe.spec import RunSpec

SPEC = {
    "model": {"name": "tiny://student"},
    "prompts": [{"source": "tiny://prompts"}],
    "guard": {"name": "tiny://guard", "family": "tiny"},
    "steering": {"ladder": [{"template": "suffix", "samples": 2}]},
    "evaluation": {"benchmarks": ["tiny-harmful"]},
}
NAMED = ("student", "generator", "guard", "guard-2", "guard-3", "judge", "prompts/0", "benchmark/tiny-harmful")
PRINTS = {k: f"sha256:{k}" for k in NAMED}


def digests(change=None, prints=PRINTS, name="a"):
    spec = {**SPEC, **(change or {})}
    return {n.name: n.digest for n in plan.make(RunSpec.model_validate(spec), prints, name=name).nodes}


def changed(before, after):
    return {n for n in before if before[n] != after[n]}


EVALUATED = {"answers-aligned", "verdicts-aligned", "report"}
TRAINED = {"adapter", *EVALUATED}
CHOSEN = {"dataset", "perplexity", *TRAINED}
CLIMBED = {"responses-2", "scores-2"}
SCORED = {"scores-1", *CLIMBED, *CHOSEN}
GENERATED = {"responses-1", *SCORED}
BASE = {"answers-base", "verdicts-base"}


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"training": {"rank": 8}}, TRAINED),
        ({"training": {"checkpointEvery": 7}}, set()),
        ({"guard": {**SPEC["guard"], "threshold": 0.4}}, {*CLIMBED, *CHOSEN, "verdicts-base"}),
        ({"guard": {**SPEC["guard"], "views": ["answer"]}}, {*SCORED, "verdicts-base"}),
        ({"steering": {**SPEC["steering"], "template": "none"}}, GENERATED),
        ({"generation": {"temperature": 0.7}}, GENERATED),
        ({"evaluation": {"benchmarks": ["tiny-harmful"], "samples": 2}}, {*BASE, *EVALUATED}),
        ({"gate": {"rules": [{"kind": "harmful", "max": 0.1}]}}, {"report"}),
        ({"storage": {"uri": "s3://elsewhere"}}, set()),
        ({"suspend": True}, set()),
        ({"stages": {"generate": {"replicas": 8}}}, set()),
        ({"training": {"refusalThoughts": "drop"}}, CHOSEN),
        ({"training": {"refusalThoughts": "keep"}}, set()),
        ({"quorum": {"guards": [{"name": "tiny://guard?seed=1", "family": "tiny"}], "need": 2}},
         {*CLIMBED, *CHOSEN}),
        ({"workers": {"image": "x"}, "modelCache": {"hostPath": "/m"}, "activeDeadlineSeconds": 9}, set()),
    ],
)
def test_a_change_redoes_what_depends_on_it_and_no_more(change, redone):
    assert changed(digests(), digests(change)) == redone


def test_other_content_of_a_source_redoes_everything_behind_it():
    assert changed(digests(), digests(prints={**PRINTS, "prompts/0": "sha256:other"})) == {"prompts", *GENERATED}


def test_the_base_models_evaluation_is_shared_by_runs_that_differ_in_their_data():
    other = digests({"steering": {"template": "risk", "ladder": SPEC["steering"]["ladder"]}}, name="b")
    assert BASE.isdisjoint(changed(digests(), other))


def test_stages_come_in_an_order_in_which_their_inputs_are_made():
    made = plan.make(RunSpec.model_validate(SPEC), PRINTS)
    assert made.stages == (
        "prepare", "generate", "filter", "generate-2", "filter-2", "train", "evaluate", "report",
    )  # fmt: skip
    assert plan.stage_names(RunSpec.model_validate(SPEC)) == made.stages
    seen = set()
    for node in made.nodes:
        assert set(node.inputs) <= seen
        seen.add(node.name)


def test_a_plan_survives_being_written_and_read():
    made = plan.make(RunSpec.model_validate(SPEC), PRINTS)
    assert plan.Plan.from_json(made.to_json()) == made


def test_an_adapter_of_the_generator_redoes_what_it_writes():
    adapted = digests(prints={**PRINTS, "generator": f"{PRINTS['generator']}+lora:{'a' * 64}"})
    assert changed(digests(), adapted) == GENERATED


def test_a_source_without_a_filter_is_the_same_prompts_scored_otherwise():
    given = {"source": "tiny://star1", "responses": "given"}
    before, after = digests({"prompts": [given]}), digests({"prompts": [{**given, "filter": "none"}]})
    assert changed(before, after) == SCORED


def test_a_quorum_has_scores_of_each_guard_and_another_number_of_votes_scores_nothing_anew():
    others = [{"name": "tiny://guard?seed=1", "family": "tiny"}, {"name": "tiny://guard", "family": "tiny"}]
    before = digests({"quorum": {"guards": others, "need": 1}})
    assert {"scores-1", "scores-1-g2", "scores-1-g3", "scores-2-g2"} <= before.keys()
    made = changed(before, digests({"quorum": {"guards": others, "need": 2}}))
    assert made == {"responses-2", "scores-2", "scores-2-g2", "scores-2-g3", *CHOSEN}
    assert before["scores-1"] == digests()["scores-1"]
