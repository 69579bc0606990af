"""The comparison of an experiment's variants: what it waits for, how it fails, and what is left of it."""

from dataclasses import replace

import pytest
from unit.operator.experiments.world import RUN, World, one_over, phases, spec

from thinksafe_operator.experiments.decide import decide
from thinksafe_operator.state import Pod


def test_a_comparison_that_fails_is_tried_again_and_then_told_and_the_results_stay():
    world = one_over()
    jobs = []
    for _ in range(4):
        assert world.job is not None
        jobs.append(world.job.name)
        world.end_job("Failed")
        world.settle()
        world.settle(400)
    assert len(set(jobs)) == 4 and world.status["phase"] == "Failed"
    assert world.condition("Failed")["reason"] == "ComparisonFailed" == world.condition("Reported")["reason"]
    assert phases(world) == {"a": "Succeeded"} and world.variant("a")["results"]


def test_a_comparison_waits_before_it_is_tried_again():
    world = one_over()
    world.end_job("Failed")
    world.settle()
    assert "job" not in world.status["comparison"] and world.condition("Ready")["reason"] == "Retrying"
    world.settle(11)
    assert world.status["comparison"]["attempt"] == 2


def test_a_comparison_whose_job_is_deleted_is_made_again():
    world = one_over()
    world.job = None
    world.settle()
    world.settle(400)
    assert world.job is not None
    world.end_job()
    assert world.settle().status["phase"] == "Succeeded"


def test_a_comparison_that_cannot_begin_says_why():
    world = one_over()
    assert world.job is not None and world.experiment is not None
    pod = Pod("p", "compare", 1, 0, "Pending", world.now, waiting="ErrImagePull", waiting_message="no such image")
    status = decide(world.experiment, replace(world.seen(), pods=(pod,)), world.now).status
    stalled = next(c for c in status["conditions"] if c["type"] == "Stalled")
    assert stalled["status"] == "True" and stalled["reason"] == "ImagePullFailed"


def patient(seconds: int, *variants: dict | str, **fields: object) -> World:
    """The first variant is over, and a comparison waits that may wait so long."""
    run = {**RUN, "workers": {"pendingDeadlineSeconds": seconds}}
    world = World(spec(*(variants or ("a",)), run=run, **fields)).settle()
    world.end_run(world.made[0])
    return world.settle()


def compared(world: World) -> dict:
    return world.status["comparison"]


def test_a_comparison_that_waits_says_why_and_after_its_time_it_fails_and_its_job_goes():
    world = patient(600)
    world.held_up = "0/3 nodes are available"
    world.settle(590)
    assert world.condition("Ready")["reason"] == "Unschedulable" and compared(world)["state"] == "Waiting"
    assert "0/3 nodes are available" in world.status["message"]
    world.settle(20)
    assert world.job is None and world.status["phase"] == "Failed" and phases(world) == {"a": "Succeeded"}
    last = compared(world)["lastFailure"]
    assert last["reason"] == "PendingDeadlineExceeded" and compared(world)["failures"] == 1
    assert "waited 610 s to run, 600 s are allowed" in last["message"]
    assert "0/3 nodes are available" in world.condition("Reported")["message"]
    assert "apply a new experiment" in last["hint"] and "Unschedulable" not in str(world.status["conditions"])


def test_the_settings_of_the_stage_report_say_how_long_a_comparison_may_wait():
    run = {**RUN, "workers": {"pendingDeadlineSeconds": 100}, "stages": {"report": {"pendingDeadlineSeconds": 900}}}
    world = World(spec("a", run=run)).settle()
    world.end_run("e-a")
    assert world.settle().settle(800).job is not None
    assert world.settle(200).job is None


def test_a_comparison_may_wait_for_ever_if_nothing_else_is_said():
    world = one_over()
    world.held_up = "no"
    assert world.settle(10**6).job is not None and world.status["phase"] == "Running"


def test_a_comparison_that_runs_does_not_wait():
    world = patient(600)
    world.settle(500)
    world.start_job()
    world.settle()
    assert compared(world)["state"] == "Running" and world.condition("Ready")["reason"] == "Comparing"
    assert world.settle(3000).job is not None, "nor between two pods"
    assert world.job is not None
    world.job = replace(world.job, ready=0)
    world.settle(3000)
    assert compared(world)["state"] == "Running"
    world.held_up = "no"
    world.settle()
    assert compared(world)["state"] == "Waiting", "its next pod waits"
    assert world.settle(590).job is not None
    assert world.settle(20).job is None


def test_neither_the_pause_before_an_attempt_nor_a_suspension_is_waiting():
    world = patient(30)
    for _ in range(3):
        world.end_job("Failed")
        world.settle()
        world.settle(400)
        assert world.job is not None and compared(world)["state"] == "Waiting"
    world.change_spec(suspend=True)
    world.settle()
    world.settle(400)
    world.change_spec(suspend=False)
    world.settle()
    assert compared(world)["failures"] == 3 and world.settle(20).job is not None
    assert world.settle(20).job is None and compared(world)["state"] == "Failed"


def test_one_that_is_being_suspended_does_not_wait():
    world = patient(30)
    world.now += 100
    world.change_spec(suspend=True)
    world.settle()
    assert world.status["phase"] == "Suspended" and "lastFailure" not in compared(world)


def test_a_job_whose_own_time_is_over_before_a_worker_ran_has_not_failed():
    world = patient(5000)
    for attempt in (1, 2):
        assert compared(world)["attempt"] == attempt
        world.now += 2000
        world.end_job("Failed", reason="DeadlineExceeded")
        world.settle()
    assert compared(world)["attempt"] == 3 and compared(world)["failures"] == 0 and world.job is not None
    assert world.settle(1100).job is None, "and it has waited all the time"
    assert compared(world)["lastFailure"]["reason"] == "PendingDeadlineExceeded"


def test_a_job_whose_own_time_is_over_while_its_worker_ran_has_failed():
    world = one_over()
    world.start_job()
    world.settle()
    world.end_job("Failed", reason="DeadlineExceeded")
    world.settle()
    assert compared(world)["failures"] == 1


@pytest.mark.parametrize("stop", [1, 2, 3, None])
def test_of_one_that_waited_too_long_nothing_is_left_before_the_next_begins(stop: int | None):
    world = patient(600, "first", {"name": "second", "generatorFrom": "first"}, stop={})
    world.now += 700
    world.reconcile(stop, done=True)
    waited = world.job.name if world.job is not None else ""
    world.settle()
    second = world.variant("second")
    assert (second["phase"], second["reason"]) == ("Failed", "ComparisonFailed")
    assert "600 s are allowed" in second["message"]
    assert world.job is not None and world.job.name != waited and "compare-end" in world.job.name
    world.end_job()
    assert "report" in world.settle().status


@pytest.mark.parametrize("stop", [1, 2, None])
def test_after_the_end_nothing_is_left_of_one_that_waited_too_long(stop: int | None):
    world = patient(600)
    world.now += 700
    world.reconcile(stop, done=True)
    assert world.status["phase"] == "Failed"
    assert world.settle().job is None


def test_a_comparison_whose_job_is_refused_or_in_the_way_waits_no_longer_than_it_may():
    run = {**RUN, "workers": {"pendingDeadlineSeconds": 600}}
    world = World(spec("a", run=run), job_denied=(403, "exceeded quota: count/jobs.batch")).settle()
    world.end_run("e-a")
    world.settle()
    assert world.condition("Ready")["reason"] == "QuotaExceeded"
    world.job_denied = None
    world.settle()
    assert world.job is not None
    world.job = replace(world.job, ours=False)
    world.settle(300)
    assert world.condition("Ready")["reason"] == "NameConflict"
    world.settle(310)
    assert compared(world)["lastFailure"]["reason"] == "PendingDeadlineExceeded"
    assert "is in the way" in compared(world)["lastFailure"]["message"]
    assert world.job is not None, "it is another's"


def test_a_comparison_whose_job_is_refused_for_too_long_fails():
    run = {**RUN, "workers": {"pendingDeadlineSeconds": 600}}
    world = World(spec("a", run=run), job_denied=(403, "exceeded quota: count/jobs.batch")).settle()
    world.end_run("e-a")
    world.settle().settle(610)
    assert "exceeded quota" in compared(world)["lastFailure"]["message"] and world.status["phase"] == "Failed"
