"""What a failed attempt costs, and when it is the last."""

import pytest
from unit.operator.stories import World


@pytest.mark.parametrize(
    ("code", "reason"), [(64, "BadUsage"), (65, "BadData"), (77, "AccessDenied"), (78, "BadSettings")]
)
def test_what_would_fail_again_fails_the_run_at_once(code, reason):
    world = World(workers={"retries": 9}).to("train").fails(code)
    assert world.status["phase"] == "Failed" and world.status["stage"] == "train"
    for kind in ("Failed", "Stalled"):
        assert world.conditions[kind] == ("True", reason)
    assert world.conditions["Ready"] == ("False", reason) and world.conditions["Trained"] == ("False", "StageFailed")
    assert "so it was" in world.status["message"] and world.status["message"].endswith("do this")
    stage = world.stage("train")
    assert stage["state"] == "Failed" and stage["lastFailure"]["code"] == code and stage["job"]
    assert world.events[-2:] == ["StageFailed", "Failed"] and "completionTime" in world.status


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_as_many_further_attempts_as_retries(retries):
    world = World(workers={"retries": retries}).to("generate")
    for attempt in range(1, retries + 2):
        assert world.job.attempt == attempt
        world.fails(1).settle(301)
    assert world.status["phase"] == "Failed" and world.stage("generate")["failures"] == retries + 1
    assert world.conditions["Failed"] == ("True", "WorkerCrashed") and "the last" in world.status["message"]
    assert world.events.count("Retrying") == retries


def test_the_stages_own_retries_win():
    world = World(workers={"retries": 5}, stages={"generate": {"retries": 0}}).to("generate").fails(75)
    assert world.conditions["Failed"] == ("True", "StorageUnavailable")


def test_each_stage_has_its_own():
    world = World(workers={"retries": 1}).to("generate").fails(1).settle(10)
    world.cluster.succeed(world.job)
    world.to("filter").fails(1)
    assert world.status["phase"] != "Failed" and world.settle(10).job.attempt == 2


def test_while_it_waits_for_the_next_attempt_it_says_why():
    world = World().to("generate").fails(75)
    assert world.conditions["Ready"] == ("False", "Retrying") and world.conditions["Reconciling"][0] == "True"
    assert world.conditions["Stalled"][0] == "False" and "so it was. do this" in world.status["message"]
    assert "job" not in world.stage("generate") and world.stage("generate")["state"] == "Waiting"


def test_a_node_whose_device_failed_is_avoided_by_the_next_attempt():
    world = World().to("generate").fails(69)
    world.cluster.now += 10
    (attempt,) = world.decision().create
    assert attempt.attempt == 2 and attempt.avoid == ("n1",)


def test_disruptions_cost_nothing_three_times():
    world = World(workers={"retries": 0}).to("generate")
    for _ in range(3):
        world.fails(143).settle(301)
        assert world.stage("generate")["failures"] == 0 and world.job
    assert world.fails(143).status["phase"] == "Failed"


def test_no_text_of_a_worker_but_its_message_and_hint_is_repeated():
    world = World().to("generate")
    secret = "SECRET"
    world.cluster.end_pod(world.job, 1, reason=secret, stage=secret, artifacts={"responses-1": secret}, row=secret)
    world.cluster.end_job(world.job, "Failed")
    assert secret not in str(world.settle().status)
