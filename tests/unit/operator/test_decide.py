"""The story of a run: before it begins, what must not go on, what comes next, and after its end."""

import subprocess
import sys
from dataclasses import replace

import pytest
from unit.operator.small_cluster import FAILED
from unit.operator.specs import run
from unit.operator.stories import World

from thinksafe_operator.decide import LEAVING_SECONDS, decide
from thinksafe_operator.draft import rfc3339
from thinksafe_operator.names import job_name
from thinksafe_operator.state import Attempt, Decision, Job, Pod, Seen

NOW = 1_800_000_000.0


def test_the_first_pass_writes_the_whole_status_and_makes_the_first_job():
    decision = decide(run(), Seen(), NOW)
    assert decision.create == (Attempt("prepare", 1),) and not decision.delete
    assert [s["name"] for s in decision.status["stages"]] == [
        "prepare", "generate", "filter", "train", "evaluate", "report",
    ]  # fmt: skip
    prepare = decision.status["stages"][0]
    assert prepare["job"] == job_name("qwen3", run().uid, "prepare", 1) and prepare["attempt"] == 1
    assert decision.status["startTime"] == rfc3339(NOW) and [e.reason for e in decision.events] == ["StageStarted"]


def test_a_whole_run():
    world = World().end()
    assert world.status["phase"] == "Succeeded" and world.conditions["Ready"] == ("True", "Complete")
    assert [name.split("-")[1] for name in world.cluster.made] == [
        "prepare", "generate", "filter", "train", "evaluate", "report",
    ]  # fmt: skip
    assert world.events == ["StageStarted", *["StageSucceeded", "StageStarted"] * 5, "StageSucceeded", "GatePassed",
                            "Completed"]  # fmt: skip


def test_to_decide_loads_no_engine_no_store_and_no_tables():
    heavy = ("torch", "vllm", "transformers", "pyarrow", "boto3", "numpy", "scipy", "huggingface_hub", "kopf")
    code = f"import sys, thinksafe_operator.decide; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def ended(code: int) -> World:
    """A run whose first Job has ended with this code, of which the operator has not heard yet."""
    world = World().to("prepare")
    if code:
        world.cluster.end_pod(world.job, code)
        world.cluster.end_job(world.job, "Failed")
    else:
        world.cluster.succeed(world.job)
    return world


def without_status(world: World) -> Decision:
    """What is decided with nothing recorded; a second decision changes nothing."""
    assert world.cluster.run is not None
    lost = replace(world.cluster.run, status={})
    seen = world.cluster.seen(lost)
    decision = decide(lost, seen, world.cluster.now)
    again = decide(replace(lost, status=decision.status), seen, world.cluster.now)
    assert again.status == decision.status and not again.events and again.create == decision.create
    return decision


class TestALostStatus:
    """The Job of the attempt that is to be recorded is there already: what it tells is heard in the same pass."""

    def test_a_failed_attempt_is_counted_and_the_next_one_waits_for_its_pause(self):
        decision = without_status(ended(75))
        prepare = decision.status["stages"][0]
        assert (prepare["attempt"], prepare["failures"]) == (1, 1) and "job" not in prepare
        assert not decision.create and [e.reason for e in decision.events] == ["StageStarted", "Retrying"]

    def test_a_hopeless_one_ends_the_run(self):
        decision = without_status(ended(78))
        assert decision.status["phase"] == "Failed" and not decision.create

    def test_an_outcome_is_recorded_and_the_next_stage_begins(self):
        decision = without_status(ended(0))
        prepare, generate = decision.status["stages"][:2]
        assert (prepare["state"], generate["attempt"]) == ("Succeeded", 1)
        assert decision.create == (Attempt("generate", 1),)


class TestBefore:
    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"model": {}}, "spec.model.name"),
            ({"nonsense": 1}, "spec.nonsense"),
            ({"steering": {"template": "no such"}}, "template"),
            ({"prompts": []}, "spec.prompts"),
        ],
    )
    def test_an_invalid_spec_ends_the_run_and_names_the_field(self, fields, said):
        decision = decide(run(**fields), Seen(), NOW)
        conditions = {c["type"]: c for c in decision.status["conditions"]}
        assert decision.status["phase"] == "Failed" and not decision.create
        assert conditions["Stalled"]["status"] == conditions["Failed"]["status"] == "True"
        assert conditions["Stalled"]["reason"] == "InvalidSpec" and said in decision.status["message"]
        assert [e.reason for e in decision.events] == ["Failed"]
        again = decide(replace(run(**fields), status=decision.status), Seen(), NOW)
        assert again.status == decision.status and not again.events

    def test_a_run_that_became_invalid_leaves_no_job_behind(self):
        world = World().to("generate")
        world.cluster.change_spec(nonsense=1)
        world.settle()
        assert world.status["phase"] == "Failed" and world.stage("generate")["state"] == "Failed"
        assert not world.cluster.live()

    def test_of_a_run_that_is_being_deleted_nothing_is_made_or_deleted(self):
        job = Job(job_name("qwen3", run().uid, "prepare", 1), "u", "prepare", 1, NOW)
        for seen in (Seen(), Seen(jobs=(job,))):
            decision = decide(replace(run(), deleting=True), seen, NOW)
            assert not decision.create and not decision.delete and decision.status == {} and not decision.events


class TestSuspend:
    def test_at_creation_starts_nothing(self):
        world = World(suspend=True).settle(1000)
        assert world.cluster.made == [] and world.status["phase"] == "Suspended" and world.events == ["Suspended"]
        assert world.conditions["Suspended"] == ("True", "Suspended") and world.conditions["Reconciling"][0] == "False"

    def test_stops_the_job_and_is_true_only_when_nothing_is_left(self):
        world = World().to("generate")
        world.cluster.change_spec(suspend=True)
        world.settle()
        (job,) = [j for j in world.cluster.jobs.values() if j.deleting]
        assert job.stage == "generate" and world.conditions["Suspended"][0] == "False"
        assert world.status["phase"] == "Running" and world.stage("generate")["state"] == "Suspended"
        world.cluster.delete_job(job.name, job.uid, slowly=False)
        world.settle()
        assert world.conditions["Suspended"] == ("True", "Suspended") and world.status["phase"] == "Suspended"
        assert world.stage("generate")["failures"] == 0 and "job" not in world.stage("generate")

    def test_a_pod_that_is_still_there_keeps_it_from_being_suspended(self):
        pod = Pod("p", "prepare", 1, 0, "Running", NOW, running=True)
        for pods, expected in (((pod,), "False"), ((replace(pod, phase="Failed"),), "True"), ((), "True")):
            status = decide(run(suspend=True), Seen(pods=pods), NOW).status
            assert next(c for c in status["conditions"] if c["type"] == "Suspended")["status"] == expected

    def test_nor_is_it_from_a_cache(self):
        status = decide(run(suspend=True), Seen(live=False), NOW).status
        assert next(c for c in status["conditions"] if c["type"] == "Suspended")["status"] == "False"

    def test_resumed_it_goes_on_with_the_next_attempt_and_no_failure(self):
        world = World(suspend=True).settle()
        world.cluster.change_spec(suspend=False)
        world.settle().to("generate")
        world.cluster.change_spec(suspend=True)
        world.settle()
        job = next(j for j in world.cluster.jobs.values() if j.deleting)
        world.cluster.delete_job(job.name, job.uid, slowly=False)
        world.settle().settle(50)
        world.cluster.change_spec(suspend=False)
        world.settle()
        assert world.job.stage == "generate" and world.job.attempt == 2 and world.stage("generate")["failures"] == 0
        assert world.conditions["Suspended"] == ("False", "Resumed") and world.events.count("Resumed") == 2
        assert world.status["suspendedSeconds"] == 50

    def test_resumed_before_the_job_was_deleted_it_keeps_it(self):
        world = World().to("generate")
        job = world.job
        world.cluster.change_spec(suspend=True)
        world.operator.reconcile(stop=1, done=True)  # the status is written, the Job is not deleted
        assert world.stage("generate")["state"] == "Suspended" and world.job == job
        world.cluster.change_spec(suspend=False)
        world.settle()
        assert world.job == job and world.stage("generate")["state"] == "Running" and len(world.cluster.made) == 2

    def test_an_outcome_is_heard_before_the_job_goes(self):
        world = World().to("generate")
        world.cluster.succeed(world.job)
        world.cluster.change_spec(suspend=True)
        world.settle()
        assert world.stage("generate")["state"] == "Succeeded" and world.status["phase"] == "Suspended"

    def test_a_job_that_fails_of_being_stopped_costs_nothing(self):
        world = World().to("generate")
        world.cluster.change_spec(suspend=True)
        world.settle()
        job = next(j for j in world.cluster.jobs.values() if j.deleting)
        world.cluster.end_pod(job, 143)
        world.cluster.end_job(job, "Failed")
        assert world.settle().stage("generate")["failures"] == 0 and "lastFailure" not in world.stage("generate")


class TestDeadline:
    def test_a_run_that_is_active_for_too_long_fails_and_stops(self):
        world = World(activeDeadlineSeconds=100).to("generate").settle(99)
        assert world.status["phase"] == "Running"
        world.settle(2)
        assert world.status["phase"] == "Failed" and world.conditions["Failed"] == ("True", "DeadlineExceeded")
        assert world.stage("generate")["lastFailure"]["reason"] == "DeadlineExceeded" and not world.cluster.live()

    def test_a_suspension_does_not_count(self):
        world = World(activeDeadlineSeconds=100, suspend=True).settle().settle(1000)
        world.cluster.change_spec(suspend=False)
        assert world.to("generate").settle(90).status["phase"] == "Running"
        assert world.settle(11).status["phase"] == "Failed"

    def test_a_clock_that_is_set_back_starts_it_anew_but_not_for_ever(self):
        world = World(activeDeadlineSeconds=100).to("generate").settle(50)
        world.settle(-10_000)
        assert world.settle(99).status["phase"] == "Running" and world.settle(2).status["phase"] == "Failed"


class TestNextAttempt:
    def test_it_is_recorded_before_it_is_made(self):
        world = World().settle()
        world.cluster.succeed(world.job)
        world.operator.reconcile(stop=1, done=True)  # the status is written, and then it crashes
        assert world.stage("generate")["attempt"] == 1 and not world.cluster.live()
        assert world.settle().job.stage == "generate" and world.job.attempt == 1

    @pytest.mark.parametrize(("failure", "pause"), [(1, 10), (2, 20), (3, 40), (6, 300), (9, 300)])
    def test_each_pause_is_twice_as_long(self, failure, pause):
        world = World(workers={"retries": 20})
        for _ in range(failure):
            world.settle(301).fails(1)
        assert not world.settle(pause - 1).cluster.live()
        assert world.settle(1).job.attempt == failure + 1

    def test_it_waits_until_nothing_of_the_one_before_is_left(self):
        world = World().to("generate").settle(1801)
        assert world.stage("generate")["lastFailure"]["reason"] == "NoProgress"
        (job,) = [j for j in world.cluster.jobs.values() if j.deleting]
        assert world.settle(60).cluster.live() == [] and world.stage("generate")["attempt"] == 1
        world.cluster.delete_job(job.name, job.uid, slowly=False)
        assert world.settle().job.attempt == 2

    def test_but_not_for_ever_since_a_lost_node_never_lets_go_of_its_pods(self):
        world = World().to("generate").settle(1801)
        assert not world.settle(LEAVING_SECONDS - 1).cluster.live()
        assert world.settle(1).job.attempt == 2

    def test_nothing_is_begun_on_the_strength_of_a_cache(self):
        decision = decide(run(), Seen(live=False), NOW)
        assert not decision.create and decision.status["stages"][0]["attempt"] == 0 and decision.requeue_after

    def test_a_live_job_that_is_not_the_recorded_one_is_deleted_first(self):
        stray = Job(job_name("qwen3", run().uid, "prepare", 4), "u", "prepare", 4, NOW)
        decision = decide(run(), Seen(jobs=(stray,)), NOW)
        assert decision.delete == (stray,) and not decision.create

    @pytest.mark.parametrize("change", [{"ours": False}, {"finished": "Failed"}, {"deleting": True}])
    def test_but_not_one_that_is_not_ours_or_no_longer_lives(self, change):
        stray = replace(Job(job_name("qwen3", run().uid, "prepare", 4), "u", "prepare", 4, NOW), **change)
        assert decide(run(), Seen(jobs=(stray,)), NOW).delete == ()

    def test_a_name_that_somebody_else_has_needs_a_human_and_then_it_goes_on(self):
        world = World()
        name = job_name("r", world.cluster.run.uid, "prepare", 1)
        world.cluster.foreign_job(name)
        world.settle()
        assert world.conditions["Stalled"] == ("True", "NameConflict") and name in world.status["message"]
        assert world.conditions["Reconciling"][0] == "False" and world.events.count("NameConflict") == 1
        assert name in world.cluster.jobs and world.status["phase"] == "Queued"
        del world.cluster.jobs[name]
        world.settle(60)
        assert world.job.stage == "prepare" and world.conditions["Stalled"][0] == "False"

    def test_a_full_quota_is_told_once_and_tried_again(self):
        world = World()
        world.cluster.quota = False
        for _ in range(4):
            world.settle(60)
            assert world.conditions["Ready"] == ("False", "QuotaExceeded")
            assert "exceeded quota" in world.status["message"]
        assert world.events.count("QuotaExceeded") == 1 and world.stage("prepare")["attempt"] == 1
        assert world.conditions["Stalled"][0] == "False"
        world.cluster.quota = True
        assert world.settle(60).job.attempt == 1 and world.conditions["Ready"] == ("False", "Queued")

    def test_a_job_that_the_server_will_never_take_ends_the_run(self):
        world = World().settle()
        world.cluster.succeed(world.job)
        world.operator.reconcile(stop=1, done=True)
        decision = world.decision(refused=(422, "spec.template: Invalid value"))
        assert decision.status["phase"] == "Failed" and not decision.create
        assert "Invalid value" in decision.status["message"]


class TestAfterTheEnd:
    def test_a_ttl_deletes_the_run_and_makes_no_second(self):
        world = World(ttlSecondsAfterFinished=100).end()
        assert world.settle(99).cluster.run is not None and world.decision().requeue_after == 1.0
        made = len(world.cluster.made)
        world.cluster.now += 1
        world.operator.reconcile()
        assert world.cluster.run is None and len(world.cluster.made) == made

    def test_without_one_there_is_nothing_left_to_do(self):
        decision = World().end().decision()
        assert decision.requeue_after is None and not decision.delete_run and not decision.events

    def test_an_end_is_for_good_whatever_becomes_of_its_jobs(self):
        world = World().end()
        before = world.status
        world.cluster.jobs.clear()
        world.cluster.pods.clear()
        assert world.settle(10_000).status == before

    def test_the_generation_that_is_observed_moves_on(self):
        world = World().end()
        world.cluster.change_spec(ttlSecondsAfterFinished=9999, suspend=True)
        world.settle()
        assert world.status["observedGeneration"] == 2 and world.status["phase"] == "Succeeded"
        assert {c["observedGeneration"] for c in world.status["conditions"]} == {2}

    def test_a_job_that_was_left_behind_by_a_crash_is_deleted(self):
        world = World(activeDeadlineSeconds=100).to("generate")
        world.cluster.now += 200
        world.operator.reconcile(stop=1, done=True)  # the end is written, the Job is not deleted
        assert world.status["phase"] == "Failed" and world.cluster.live()
        assert not world.settle().cluster.live()

    def test_a_failed_gate_publishes_nothing_and_is_final(self):
        world = World()
        world.cluster.gate = FAILED
        world.end()
        assert world.status["phase"] == "GateFailed" and "adapter" not in world.status
        assert world.conditions["Ready"] == ("False", "GateFailed") and "rose by 0.2" in world.status["message"]
        assert world.events[-2:] == ["GateFailed", "Completed"]

    def test_a_run_that_is_made_again_begins_anew(self):
        world = World().end()
        world.cluster.delete_run()
        world.cluster.create_run()
        world.settle()
        assert world.status["phase"] in ("Pending", "Queued") and world.job.stage == "prepare"
