"""What variants have in common is computed once: counted by who worked on it, not by what is printed."""

import json
import re

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
TRAINING_ONLY = ("strict", "lax", "kl")  # what they change comes after the filter
WORKED_ON = ("responses", "scores", "adapter", "answers", "verdicts")  # what a model makes; the rest takes no time


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("benign")


def plan(ran, variant):
    run = ran.variant(variant)["run"]
    folder = ran.store / "runs" / run["namespace"] / run["name"] / run["uid"]
    return {node["name"]: node for node in json.loads((folder / "plan.json").read_text())["nodes"]}


def test_variants_that_change_only_training_have_the_responses_and_scores_of_the_baseline(ran):
    for name in TRAINING_ONLY:
        for artifact in ("prompts", "responses-1", "scores-1", "answers-base", "verdicts-base"):
            assert plan(ran, name)[artifact]["digest"] == plan(ran, "with")[artifact]["digest"], (name, artifact)


def test_one_worker_alone_has_worked_on_every_artifact(ran):
    """A worker writes its own progress, so a stage that was done twice has two in which rows were done.

    One that found all of it done (a quorum's, whose other guards had still to judge) has done none.
    """
    for name in ("with", "without", *TRAINING_ONLY):
        for node in plan(ran, name).values():
            if node["kind"] in WORKED_ON:
                work = ran.store / "artifacts" / node["kind"] / node["digest"] / "work" / "progress"
                workers = [json.loads(file.read_text()) for file in work.glob("*.json")]
                assert sum(w["rows"] + w["reached"]["rows"] > 0 for w in workers) == 1, (name, node["name"])


def test_the_report_counts_only_the_changed_stages_as_a_variants_own(ran):
    for name in TRAINING_ONLY:
        cost = ran.variant(name)["cost"]
        assert (cost["own"]["stages"], cost["alone"]["stages"]) == (3, 6)  # train, evaluate, report
        assert cost["own"]["seconds"] < cost["alone"]["seconds"]


def test_the_stages_that_are_shared_come_from_the_store(ran):
    for name in TRAINING_ONLY:
        told = ran.printed.split(f"\n{name} (")[1].split("\n\n")[0]
        assert re.findall(r"✓ (\w+) +from the store", told) == ["generate", "filter"]
