"""Stories of an experiment, from its first pass to its end."""

from dataclasses import replace

import pytest
from unit.operator.experiments.world import ADAPTER, REPORT, RUN, World, one_over, phases, spec, to_the_end, told

from thinksafe_operator.experiments.decide import decide

ROUNDS = ("first", {"name": "second", "generatorFrom": "first"}, {"name": "third", "generatorFrom": "second"})


def test_one_run_a_variant_one_at_a_time_and_then_the_report():
    world = World(spec("a", "b", "c")).settle()
    assert world.made == ["e-a"] and world.status["done"] == "0/3" and world.status["baseline"] == "a"
    assert world.variant("b")["message"] == "It waits for its turn"
    world.end_run("e-a")
    world.settle()
    assert world.made == ["e-a", "e-b"] and world.status["done"] == "1/3"
    world.end_run("e-b", "GateFailed")
    world.settle()
    world.end_run("e-c")
    world.settle()
    assert world.job is not None and world.status["message"].startswith("The combined report is made")
    world.end_job()
    world.settle()
    assert world.status["phase"] == "Succeeded", "a closed gate is a result, not a failure"
    assert phases(world) == {"a": "Succeeded", "b": "GateFailed", "c": "Succeeded"}
    assert world.status["report"] == REPORT and world.condition("Reported")["status"] == "True"
    assert world.variant("b")["gate"] == "Failed" and world.variant("b")["results"][0]["aligned"] == 0.1
    assert len(told(world, "VariantEnded")) == 3 and len(told(world, "Completed")) == 1


def test_as_many_at_a_time_as_it_says_also_when_that_changes():
    world = World(spec("a", "b", "c", "d", parallelism=2)).settle()
    assert world.live() == ["e-a", "e-b"]
    world.change_spec(parallelism=3)
    world.settle()
    assert world.live() == ["e-a", "e-b", "e-c"]
    world.change_spec(parallelism=1)
    world.end_run("e-a")
    world.settle()
    assert world.live() == ["e-b", "e-c"], "what has begun goes on"


def test_the_comparison_is_told_of_every_variant_that_has_ended():
    world = World(spec("a", "b")).settle()
    world.end_run("e-a")
    world.settle()
    world.end_run("e-b", "Failed")
    seen, experiment = world.seen(), world.experiment
    assert experiment is not None
    (wanted,) = [d for d in [decide(experiment, seen, world.now).compare] if d]
    assert wanted.runs["a"] == {"name": "e-a", "uid": world.runs["e-a"].uid, "namespace": "ns", "phase": "Succeeded"}
    assert wanted.runs["b"]["phase"] == "Failed" and wanted.runs["b"]["why"] == "It is Failed"


@pytest.mark.parametrize(
    ("policy", "made", "others"), [("Continue", ["e-a", "e-b", "e-c"], "Succeeded"), ("FailFast", ["e-a"], "Skipped")]
)
def test_after_a_failure_the_others_go_on_or_not(policy: str, made: list[str], others: str):
    world = World(spec("a", "b", "c", failurePolicy=policy)).settle()
    world.end_run("e-a", "Failed")
    to_the_end(world)
    assert world.made == made
    assert phases(world) == {"a": "Failed", "b": others, "c": others}
    assert world.status["phase"] == "Failed" and world.condition("Stalled")["reason"] == "VariantFailed"
    assert ("report" in world.status) == (policy == "Continue"), "of nothing no report is made"


def test_with_fail_fast_what_has_begun_goes_on_to_its_end():
    world = World(spec("a", "b", "c", failurePolicy="FailFast", parallelism=2)).settle()
    world.end_run("e-a", "Failed")
    world.settle()
    assert world.live() == ["e-b"] and world.status["phase"] == "Running"
    to_the_end(world)
    assert phases(world) == {"a": "Failed", "b": "Succeeded", "c": "Skipped"}
    assert world.variant("c")["reason"] == "FailFast" and "report" in world.status


def test_a_patch_that_makes_no_run_fails_its_variant_at_once_and_names_the_field():
    world = World(spec("a", {"name": "b", "patch": {"training": {"rank": 0}}})).settle()
    assert world.variant("b")["reason"] == "InvalidSpec" and "training.rank" in world.variant("b")["message"]
    assert world.live() == ["e-a"]


@pytest.mark.parametrize(
    ("no", "reason"),
    [
        ((422, "spec.workers: Invalid value"), "InvalidSpec"),
        ((403, "ValidatingAdmissionPolicy 'thinksafe' denied request: spec.storage: the Secret x"), "RunDenied"),
    ],
)
def test_a_run_that_can_never_be_made_is_a_failed_variant(no: tuple[int, str], reason: str):
    world = World(spec("a", "b"), denied={"a": no}).settle()
    assert world.variant("a")["phase"] == "Failed" and world.variant("a")["reason"] == reason
    assert no[1] in world.variant("a")["message"] and world.live() == ["e-b"]


@pytest.mark.parametrize(
    ("no", "reason", "stalled"),
    [
        ((403, 'User "x" cannot create resource "thinksaferuns"'), "RunNotMade", "True"),
        ((403, "exceeded quota: count/thinksaferuns"), "QuotaExceeded", "False"),
    ],
)
def test_what_the_namespace_or_the_operator_lacks_is_waited_for(no: tuple[int, str], reason: str, stalled: str):
    world = World(spec("a"), denied={"a": no}).settle().settle(60)
    assert world.variant("a")["phase"] == "Pending" and world.condition("Ready")["reason"] == reason
    assert world.condition("Stalled")["status"] == stalled
    world.denied = {}
    world.settle(60)
    assert world.live() == ["e-a"] and world.condition("Stalled")["status"] == "False"


def test_a_run_of_another_owner_is_in_the_way():
    world = World(spec("a"))
    world.settle()
    world.change_run("e-a", ours=False)
    world.settle()
    assert world.condition("Ready")["reason"] == "NameConflict" and world.condition("Stalled")["status"] == "True"
    del world.runs["e-a"]
    world.settle(60)
    assert world.live() == ["e-a"] and world.runs["e-a"].ours


def test_a_run_that_was_deleted_is_made_again_but_not_after_its_end():
    world = World(spec("a", "b")).settle()
    del world.runs["e-a"]
    world.settle()
    assert world.made == ["e-a", "e-a"]
    world.end_run("e-a")
    world.settle()
    del world.runs["e-a"]
    to_the_end(world)
    assert world.made == ["e-a", "e-a", "e-b"] and phases(world)["a"] == "Succeeded"


def test_a_run_that_waits_for_a_human_stalls_the_experiment():
    world = World(spec("a")).settle()
    what_to_do = "Check image name, tag and imagePullSecrets, and that the node reaches the registry"
    world.change_run("e-a", stalled=True, reason="ImagePullFailed", message=f"no image. {what_to_do}")
    world.settle()
    stalled = world.condition("Stalled")
    assert stalled["status"] == "True" and stalled["reason"] == "ImagePullFailed"
    assert stalled["message"] == f"a: no image. {what_to_do}"


# --- rounds --------------------------------------------------------------------------------------------------------


def test_a_round_waits_for_the_adapter_of_the_one_before():
    world = World(spec(*ROUNDS, parallelism=3)).settle()
    assert world.live() == ["e-first"] and world.variant("second")["message"] == "It waits for the adapter of first"
    world.end_run("e-first", adapter=ADAPTER[:16])
    experiment = world.experiment
    assert experiment is not None
    (start,) = decide(experiment, world.seen(), world.now).start
    assert (start.variant, start.adapter) == ("second", ADAPTER[:16])
    to_the_end(world)
    assert phases(world) == dict.fromkeys(("first", "second", "third"), "Succeeded")


def test_the_stop_rule_is_asked_before_each_further_round():
    world = World(spec(*ROUNDS, stop={})).settle()
    world.end_run("e-first")
    world.settle()
    assert world.job is not None and "compare-1-" in world.job.name and world.live() == []
    world.end_job()
    world.settle()
    assert world.live() == ["e-second"] and world.variant("second")["anotherRound"] is True
    world.end_run("e-second")
    world.settle()
    world.go = False
    world.end_job()
    world.settle()
    third = world.variant("third")
    assert (third["phase"], third["reason"], third["message"]) == ("Skipped", "RoundStopped", "So it is.")
    world.end_job()
    world.settle()
    assert world.status["phase"] == "Succeeded", "the end of the rounds is a result"


def test_when_the_rounds_have_ended_all_later_ones_are_left_out():
    world = World(spec(*ROUNDS, stop={}), go=False).settle()
    world.end_run("e-first")
    to_the_end(world)
    assert phases(world) == {"first": "Succeeded", "second": "Skipped", "third": "Skipped"}
    assert world.variant("third")["reason"] == "RoundStopped"


def test_a_round_after_a_failed_one_has_no_adapter():
    world = World(spec(*ROUNDS)).settle()
    world.end_run("e-first", "Failed")
    to_the_end(world)
    assert phases(world) == {"first": "Failed", "second": "Skipped", "third": "Skipped"}
    assert world.variant("second")["reason"] == "NoAdapter" == world.variant("third")["reason"]


@pytest.mark.parametrize(
    "words", [{"code": 0}, {"code": 0, "rounds": {"first": {"go": "yes"}}}, {"code": 0, "rounds": []}]
)
def test_what_the_stop_rule_says_is_never_guessed(words: dict):
    world = World(spec(*ROUNDS, stop={})).settle()
    world.end_run("e-first")
    for _ in range(4):
        world.settle().settle(400)
        world.end_job(words=words)
    world.settle()
    second = world.variant("second")
    assert (second["phase"], second["reason"]) == ("Failed", "ComparisonFailed")
    assert world.made == ["e-first"]


@pytest.mark.parametrize("how", ["go", "stop", "fail"])
def test_the_answer_about_a_variant_that_was_left_out_meanwhile_changes_nothing(how: str):
    variants = ("a", "b", {"name": "c", "generatorFrom": "a"})
    world = World(spec(*variants, stop={}, failurePolicy="FailFast"), go=how == "go").settle()
    world.end_run("e-a")
    world.settle()
    world.end_run("e-b", "Failed")
    world.settle()
    left_out = world.variant("c")
    assert left_out["reason"] == "FailFast" and world.job is not None
    for _ in range(4):
        world.end_job("Failed" if how == "fail" else "Complete")
        world.settle(400)
    assert world.variant("c") == left_out and len([m for m in told(world, "VariantEnded") if m.startswith("c:")]) == 1
    to_the_end(world)
    assert "report" in world.status and world.variant("c") == left_out


# --- suspended, over, gone -----------------------------------------------------------------------------------------


def test_suspended_means_that_nothing_goes_on_and_afterwards_it_goes_on():
    world = World(spec("a", "b")).settle()
    world.change_run("e-a", phase="Running")
    world.change_spec(suspend=True)
    world.settle()
    assert world.runs["e-a"].suspend and world.status["phase"] == "Running", "it has not come to rest"
    world.change_run("e-a", phase="Suspended")
    world.settle()
    assert world.status["phase"] == "Suspended" and world.condition("Suspended")["status"] == "True"
    world.change_spec(suspend=False)
    world.settle()
    assert not world.runs["e-a"].suspend and world.condition("Suspended")["reason"] == "Resumed"
    assert len(told(world, "Suspended")) == len(told(world, "Resumed")) == 1


def test_created_suspended_it_makes_nothing():
    world = World(spec("a", suspend=True)).settle()
    assert world.made == [] and world.status["phase"] == "Suspended"


def test_a_suspended_comparison_is_taken_away_and_made_again_without_a_failure():
    world = one_over()
    world.change_spec(suspend=True)
    world.settle()
    assert world.job is None and world.status["phase"] == "Suspended"
    world.change_spec(suspend=False)
    world.settle()
    assert world.job is not None and world.status["comparison"]["failures"] == 0
    assert world.status["comparison"]["attempt"] == 2


def test_a_run_that_somebody_suspends_is_resumed():
    world = World(spec("a")).settle()
    world.change_run("e-a", suspend=True)
    world.settle()
    assert not world.runs["e-a"].suspend


def test_after_its_end_only_its_generation_is_noted_and_its_time_to_live_counts():
    world = one_over()
    world.end_job()
    world.settle()
    ended = world.status["completionTime"]
    world.change_spec(ttlSecondsAfterFinished=100)
    world.settle(50)
    assert world.status["completionTime"] == ended and world.status["observedGeneration"] == 2
    world.settle(60)
    assert world.experiment is None


def test_a_spec_that_the_operator_cannot_read_is_told():
    world = World({**spec("a"), "newer": 1}).settle()
    assert world.status["phase"] == "Failed" and "newer" in world.status["message"] and world.made == []


def test_of_one_that_is_being_deleted_nothing_is_made():
    world = World(spec("a"))
    assert world.experiment is not None
    decision = decide(replace(world.experiment, deleting=True), world.seen(), world.now)
    assert not decision.acts and decision.status == {}


@pytest.mark.parametrize("fields", [{}, {"run": {**RUN, "nonsense": 1}}], ids=["succeeds", "was never possible"])
def test_the_pass_that_ends_it_is_not_the_last_for_its_time_to_live_begins(fields):
    """The operator is not woken by what it wrote itself."""
    world = World(spec("a", ttlSecondsAfterFinished=1, **fields))
    if not fields:
        world.settle().end_run("e-a")
        world.settle()
        world.end_job()
    assert world.experiment is not None
    ends = decide(world.experiment, world.seen(), world.now)
    assert ends.status["phase"] in ("Succeeded", "Failed")
    assert ends.requeue_after is not None and not ends.delete
    after = decide(replace(world.experiment, status=ends.status), world.seen(), world.now + 2)
    assert after.delete
