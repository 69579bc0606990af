"""What a pass makes of the recorded attempt: outcomes, ends without one, and how a Job goes."""

from dataclasses import replace

import pytest
from unit.operator.small_cluster import FAILED, PASSED
from unit.operator.stories import World

from thinksafe_operator.draft import rfc3339
from thinksafe_operator.state import Pod, Progress, Workload

MALFORMED = ({"passed": "true"}, {"passed": True, "failed": ["a rule"]}, {}, None)


class TestOutcome:
    def test_is_recorded_with_what_the_words_say(self):
        world = World().to("generate")
        world.cluster.succeed(world.job)
        world.settle()
        stage = world.stage("generate")
        assert stage["state"] == "Succeeded" and stage["rows"] == 7 and stage["gpuSeconds"] == 1.5
        assert stage["completionTime"] == rfc3339(world.cluster.now) and stage["totalChunks"] == 3
        assert world.conditions["Generated"] == ("True", "Committed")
        assert world.status["stages"][0]["artifacts"] == {"prompts": "ab" * 32}

    def test_stays_when_the_job_is_gone(self):
        world = World().to("filter")
        before = world.stage("generate")
        world.cluster.jobs = {n: j for n, j in world.cluster.jobs.items() if j.stage == "filter"}
        world.settle(900)
        assert world.stage("generate") == before and world.job.stage == "filter"

    def test_of_a_job_that_is_being_deleted_is_still_heard(self):
        world = World().to("generate")
        job = world.job
        world.cluster.succeed(job)
        world.cluster.delete_job(job.name, job.uid, slowly=True)
        assert world.settle().stage("generate")["state"] == "Succeeded"

    def test_what_the_store_holds_is_cached_without_a_job_but_the_report_is_always_made(self):
        world = World().to("prepare")
        world.cluster.succeed(world.job, held=("generate", "filter", "train", "evaluate", "report", "no-such-stage"))
        world.settle()
        assert [s["state"] for s in world.status["stages"]] == ["Succeeded", *["Cached"] * 4, "Queued"]
        assert world.job.stage == "report" and world.stage("filter")["artifacts"] == {"scores-1": "cd" * 32}
        assert world.conditions["Trained"] == ("True", "CacheHit") and world.events.count("StageCached") == 1

    @pytest.mark.parametrize("stage", ["prepare", "report"])
    def test_without_words_prepare_and_report_run_again_and_it_costs_a_failure(self, stage):
        world = World().to(stage)
        world.cluster.succeed(world.job, words=False)
        world.settle()
        entry = world.stage(stage)
        assert (entry["state"], entry["failures"], entry["lastFailure"]["reason"]) == ("Waiting", 1, "NoResult")
        assert world.settle(10).job.attempt == 2

    def test_without_words_any_other_stage_is_done(self):
        world = World().to("generate")
        world.cluster.succeed(world.job, words=False)
        assert world.settle().stage("generate")["state"] == "Succeeded"

    def test_words_that_a_cache_does_not_have_are_waited_for(self):
        world = World().to("prepare")
        world.cluster.succeed(world.job)
        early = world.decision(pods=(), live=False)
        assert early.status["stages"][0]["state"] == "Running" and not early.create and not early.events
        assert world.settle().stage("prepare")["state"] == "Succeeded"

    @pytest.mark.parametrize("gate", MALFORMED)
    def test_a_verdict_that_is_not_whole_opens_no_gate(self, gate):
        world = World(workers={"retries": 0}).to("report")
        world.cluster.gate = {**PASSED}
        pod = world.cluster.end_pod(world.job, 0, gate=gate, report="s3://b/index.html", adapter="s3://b/a")
        world.cluster.end_job(world.job, "Complete")
        assert pod.words and world.settle().status["phase"] == "Failed"
        assert world.conditions["GatePassed"] == ("Unknown", "NotEvaluated") and "adapter" not in world.status
        assert world.conditions["Failed"] == ("True", "NoResult")

    def test_a_failed_gate_with_an_adapter_in_its_words_still_publishes_none(self):
        world = World().to("report")
        world.cluster.gate = FAILED
        world.cluster.end_pod(world.job, 0, gate=FAILED, report="s3://b/index.html", adapter="s3://b/a")
        world.cluster.end_job(world.job, "Complete")
        assert "adapter" not in world.settle().status and world.status["phase"] == "GateFailed"

    def test_the_results_stand_in_the_status(self):
        row = {"kind": "harmful", "benchmark": "tiny-harm", "base": 0.5, "aligned": 0.25}
        world = World().to("report")
        world.cluster.end_pod(world.job, 0, gate=PASSED, results=[row], report="s3://b/i", adapter="s3://b/a")
        world.cluster.end_job(world.job, "Complete")
        world.settle()
        assert world.status["results"] == [row] and world.status["report"] == "s3://b/i"
        assert world.status["adapter"] == "s3://b/a"

    def test_what_the_guard_kept_stands_in_the_status(self):
        world = World().to("train")
        counts = {"kept": {"harmful": 3, "benign": 4}, "total": {"harmful": 10, "benign": 5}}
        world.cluster.end_pod(world.job, 0, counts=counts)
        world.cluster.end_job(world.job, "Complete")
        assert (world.settle().status["kept"], world.status["judged"]) == (7, 15)


class TestEvicted:
    SHORT = "The node was low on resource: ephemeral-storage. "

    def evict(self, world, number):
        pod = Pod(f"{world.job.uid}/{number}", "generate", world.job.attempt, 0, "Failed", 0.0, disrupted=True)
        world.cluster.pods[pod.name] = replace(pod, evicted=self.SHORT, exit_code=137, finished_at=float(number))

    def test_a_worker_that_fills_every_node_costs_its_attempt(self):
        world = World(workers={"podRetries": 2}).to("generate", running=False)
        for number in range(2):
            self.evict(world, number)
        assert world.settle().job.attempt == 1 and world.stage("generate")["lastFailure"]["reason"] == "Disrupted"
        self.evict(world, 2)
        job, stage = world.job, world.settle().stage("generate")
        assert (stage["failures"], stage["lastFailure"]["reason"]) == (1, "OutOfDisk") and not world.cluster.live()
        world.cluster.delete_job(job.name, job.uid, slowly=False)
        assert world.settle(10).job.attempt == 2

    def test_and_in_the_end_the_run(self):
        world = World(workers={"podRetries": 0, "retries": 0}).to("generate")
        self.evict(world, 0)
        assert world.settle().conditions["Failed"] == ("True", "OutOfDisk") and not world.cluster.live()
        assert "ephemeral-storage" in world.status["message"]


class TestGone:
    def test_a_job_that_somebody_deleted_is_made_anew_as_the_next_attempt_for_nothing(self):
        world = World().to("generate")
        world.cluster.delete_job(world.job.name, world.job.uid, slowly=False)
        world.settle()
        stage = world.stage("generate")
        assert (stage["failures"], stage["disruptions"], stage["lastFailure"]["reason"]) == (0, 1, "JobDeleted")
        assert world.settle(10).job.attempt == 2

    def test_but_only_three_times(self):
        world = World(workers={"retries": 0}).to("generate")
        for attempt in range(1, 5):
            assert world.job.attempt == attempt and world.status["phase"] != "Failed"
            world.cluster.delete_job(world.job.name, world.job.uid, slowly=False)
            world.settle().settle(301)
        assert world.status["phase"] == "Failed" and world.conditions["Failed"] == ("True", "JobDeleted")

    def test_from_a_cache_nothing_is_gone(self):
        world = World().to("generate")
        decision = world.decision(jobs=(), pods=(), live=False)
        assert decision.status == world.status and not decision.create and not decision.events
        assert decision.requeue_after

    def test_one_that_was_recorded_and_never_seen_is_made_under_the_same_name(self):
        world = World().settle()
        world.cluster.succeed(world.job)
        world.operator.reconcile(stop=1, done=True)
        assert world.settle().job.attempt == 1 and "disruptions" not in world.stage("generate")

    def test_while_it_is_being_deleted_it_is_waited_for(self):
        world = World().to("generate")
        job = world.job
        world.cluster.delete_job(job.name, job.uid, slowly=True)
        world.settle()
        assert world.stage("generate")["state"] == "Running" and not world.cluster.live()
        world.cluster.delete_job(job.name, job.uid, slowly=False)
        assert world.settle().settle(10).job.attempt == 2


class TestRunning:
    def test_it_runs_from_the_first_pod_on(self):
        world = World().to("generate", running=False)
        assert world.status["phase"] == "Queued" and "startTime" not in world.stage("generate")
        world.cluster.start_pod(world.job)
        world.settle(5)
        assert world.status["phase"] == "Running" and world.status["progress"] == "loading"
        assert world.stage("generate")["startTime"] == rfc3339(world.cluster.now)

    def test_its_progress_shows(self):
        world = World().to("generate")
        world.operator.progress = Progress("responses-1", 3, 8, 1, 99, 1.0, 2.0, world.cluster.now)
        assert world.settle(1).status["progress"] == "37%" and world.stage("generate")["totalRows"] == 8

    def test_without_a_sign_of_life_it_is_stopped_and_tried_again(self):
        world = World(workers={"stallTimeoutSeconds": 100}).to("generate").settle(99)
        world.operator.progress = Progress("responses-1", 1, 8, 0, 9, 1.0, 2.0, world.cluster.now)
        world.settle()
        assert world.settle(100).stage("generate")["state"] == "Running"
        world.settle(2)
        stage = world.stage("generate")
        assert (stage["state"], stage["failures"]) == ("Waiting", 1) and not world.cluster.live()
        assert stage["lastFailure"]["reason"] == "NoProgress"
        assert world.conditions["Generated"] == ("False", "Retrying")

    def test_a_clock_that_is_set_back_neither_stops_it_nor_keeps_it_for_ever(self):
        world = World(workers={"stallTimeoutSeconds": 100}).to("generate").settle(-5000)
        assert world.settle(100).stage("generate")["failures"] == 0
        assert world.settle(1).stage("generate")["failures"] == 1

    def test_between_two_pods_it_is_still_running(self):
        world = World().to("generate")
        world.cluster.end_pod(world.job, 75)
        assert world.settle().stage("generate")["state"] == "Running" and world.stage("generate")["failures"] == 0

    def test_and_what_ended_the_last_one_is_told_meanwhile_and_remembered_while_the_next_runs(self):
        world = World().to("generate")
        world.cluster.end_pod(world.job, 75)
        assert world.settle().conditions["Ready"] == ("False", "StorageUnavailable")
        assert "so it was" in world.status["message"] and world.events.count("StorageUnavailable") == 1
        world.cluster.start_pod(world.job)
        assert world.settle(30).conditions["Ready"] == ("False", "Running")
        assert "so it was" in world.status["message"] and world.stage("generate")["failures"] == 0

    def test_that_its_workers_wait_for_the_store_shows_until_they_do_not(self):
        world = World().to("generate")
        told = Progress("responses-1", 3, 8, 1, 99, 1.0, 2.0, world.cluster.now, trouble="StoreUnavailable")
        world.operator.progress = told
        assert world.settle(1).conditions["Ready"] == ("False", "StorageUnavailable")
        assert world.status["phase"] == "Running" and world.conditions["Stalled"][0] == "False"
        assert world.events.count("StorageUnavailable") == 1 and "its endpoint" in world.status["message"]
        world.operator.progress = replace(told, trouble="")
        assert world.settle(9).conditions["Ready"] == ("False", "Running")

    def test_unless_something_holds_up_the_next(self):
        world = World().to("generate")
        world.cluster.end_pod(world.job, 75)
        waiting = Pod("next", "generate", 1, 0, "Pending", 0.0, unschedulable="0/1 nodes are available")
        decision = world.decision(pods=(waiting,))
        assert decision.status["phase"] == "Queued" and [e.reason for e in decision.events] == ["Unschedulable"]


class TestWaiting:
    def pending(self, world, **what):
        return world.decision(pods=(Pod("p", "generate", 1, 0, "Pending", 0.0, **what),))

    @pytest.mark.parametrize(
        ("what", "reason", "stalled"),
        [
            ({"waiting": "ErrImagePull"}, "ImagePullFailed", "True"),
            ({"waiting": "CreateContainerConfigError"}, "ConfigMissing", "True"),
            ({"unschedulable": "0/3 nodes are available"}, "Unschedulable", "False"),
            ({"waiting": "ContainerCreating"}, "Queued", "False"),
        ],
    )  # fmt: skip
    def test_what_holds_it_up_shows_and_stalls_it_if_a_human_must_mend_it(self, what, reason, stalled):
        world = World().to("generate", running=False)
        decision = self.pending(world, **what)
        conditions = {c["type"]: c for c in decision.status["conditions"]}
        assert conditions["Ready"]["reason"] == reason and conditions["Ready"]["status"] == "False"
        assert conditions["Stalled"]["status"] == stalled
        assert conditions["Reconciling"]["status"] == {"True": "False", "False": "True"}[stalled]

    @pytest.mark.parametrize(("waited", "wanted"), [(0, 15), (6, 9), (15, None), (9000, None)])
    def test_after_the_first_seconds_it_is_looked_at_only_when_something_happens(self, waited, wanted):
        world = World(workers={"pendingDeadlineSeconds": None}).to("generate", running=False)
        world.cluster.now += waited
        after = self.pending(world, waiting="ContainerCreating").requeue_after
        assert after == (wanted if wanted is None else pytest.approx(wanted, abs=1))

    def test_it_is_told_once_and_forgotten_when_it_has_healed(self):
        world = World().to("generate", running=False)
        pod = Pod(f"{world.job.uid}/p", "generate", 1, 0, "Pending", 0.0, waiting="ErrImagePull")
        world.cluster.pods[pod.name] = pod
        world.settle().settle(30)
        world.cluster.pods[pod.name] = replace(pod, waiting="ImagePullBackOff")
        world.settle(30)
        assert world.events.count("ImagePullFailed") == 1 and world.conditions["Stalled"][0] == "True"
        world.cluster.pods[pod.name] = replace(pod, waiting="", phase="Running", running=True)
        world.settle()
        assert world.conditions["Ready"] == ("False", "Running") and world.conditions["Stalled"][0] == "False"

    def test_without_news_what_was_known_still_holds(self):
        world = World().to("generate", running=False)
        first = world.decision(warnings=(("FailedCreate", "is forbidden: exceeded quota: q"),))
        world.cluster._put_run(status=first.status)
        assert world.decision().status == first.status and not world.decision().events

    def test_a_stage_that_waits_too_long_ends_the_run_and_says_for_what(self):
        world = World(workers={"pendingDeadlineSeconds": 100}).to("generate", running=False).settle(100)
        assert world.status["phase"] == "Queued"
        world.cluster.now += 1
        decision = self.pending(world, unschedulable="0/3 nodes are available")
        assert decision.status["phase"] == "Failed" and "0/3 nodes" in decision.status["message"]
        conditions = {c["type"]: c for c in decision.status["conditions"]}
        assert conditions["Failed"]["reason"] == "PendingDeadlineExceeded" and len(decision.delete) == 1

    def test_also_one_whose_job_cannot_be_made(self):
        world = World(workers={"pendingDeadlineSeconds": 100})
        world.cluster.quota = False
        assert world.settle().settle(101).status["phase"] == "Failed"


class TestKueue:
    def test_its_reason_shows_in_quota_reserved(self):
        world = World(queueName="gpus").to("prepare", running=False)
        assert world.conditions["QuotaReserved"] == ("False", "QuotaPending") and world.status["phase"] == "Queued"
        lost = world.decision(workload=Workload(False, "Inadmissible", "LocalQueue gpus doesn't exist"))
        conditions = {c["type"]: c for c in lost.status["conditions"]}
        assert conditions["QuotaReserved"]["reason"] == conditions["Stalled"]["reason"] == "QueueNotFound"
        assert conditions["Stalled"]["status"] == "True" and "LocalQueue gpus" in lost.status["message"]

    def test_admission_eviction_and_admission_again_cost_nothing(self):
        world = World(queueName="gpus").to("prepare", running=False)
        world.cluster.change_job(world.job, suspended=False)
        world.cluster.start_pod(world.job)
        world.settle()
        assert world.conditions["QuotaReserved"] == ("True", "QuotaReserved") and world.status["phase"] == "Running"
        world.cluster.change_job(world.job, suspended=True, active=0, ready=0)
        world.settle(5000)
        assert world.conditions["QuotaReserved"][0] == "False" and world.status["phase"] == "Queued"
        world.cluster.change_job(world.job, suspended=False, active=1, ready=1)
        world.settle(5000)
        assert world.status["phase"] == "Running" and world.stage("prepare")["attempt"] == 1
        assert world.stage("prepare")["failures"] == 0 and len(world.cluster.made) == 1

    def test_without_a_queue_there_is_no_such_condition(self):
        assert "QuotaReserved" not in World().settle().conditions
