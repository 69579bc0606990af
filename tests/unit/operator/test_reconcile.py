"""One pass over a run, and what is left when it ends between any two lines.

The decisions here are the simplest that use everything; the real ones have tests of their own.
"""

import asyncio

import pytest
from unit.operator import raws
from unit.operator.fake_api import Crash, FakeApi

from thinksafe.errors import SettingsError
from thinksafe_operator import parse, reconcile
from thinksafe_operator.children import Jobs, Pods, Workloads
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.health import Echo
from thinksafe_operator.kube import ApiError, Resource
from thinksafe_operator.names import job_name
from thinksafe_operator.observe import Observer
from thinksafe_operator.progress import Heard
from thinksafe_operator.queue import Queue
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Decision, Event

KEY = ("ns", "r")
STAGES = ("prepare", "train")
SETTINGS = Settings(worker_image="worker")


def decide(run, seen, now):
    """Two stages after each other, each with one Job, deleted once its end is recorded; the run goes at the end."""
    stages = [dict(s) for s in run.status.get("stages") or [{"name": n, "state": "Waiting"} for n in STAGES]]
    status = {"phase": "Running", "stages": stages, "nothing": None}
    if run.deleting:
        return Decision(run.status)
    for stage in stages:
        if stage["state"] == "Succeeded":
            continue
        if stage["state"] == "Waiting":
            stage |= {"state": "Running", "attempt": 1}
            return Decision(status, create=(Attempt(stage["name"], 1),))
        job = next((j for j in seen.jobs if j.stage == stage["name"]), None)
        if seen.refused:
            stage |= {"state": "Waiting"}
            return Decision({**status, "phase": "Pending", "message": seen.refused[1]}, requeue_after=60)
        if job is None:
            return Decision(status, create=(Attempt(stage["name"], 1),))
        if job.finished:
            stage |= {"state": "Succeeded", "words": len([p for p in seen.pods if p.words])}
            return Decision(status, delete=(job,), events=(Event("Normal", "Committed", stage["name"]),))
        return Decision(status, requeue_after=30)
    return Decision({**status, "phase": "Succeeded"})


def children(run, attempt, settings):
    """A ConfigMap and a Job, as the real ones look from outside."""
    name = job_name(run.name, run.uid, attempt.stage, attempt.attempt)
    body = raws.job(name, owner=run.uid, stage=attempt.stage, attempt=attempt.attempt)
    body["kind"], body["spec"] = "Job", {}
    del body["metadata"]["resourceVersion"]
    manifest = {"kind": "ConfigMap", "metadata": {**body["metadata"], "name": "manifest"}}
    return [manifest, body]


class Operator:
    """One process of the operator: its memory goes with it."""

    def __init__(self, api, *, decide=decide, children=children):
        self.queue, self.heard = Queue(), Heard()
        self.jobs = Jobs(self.queue)
        self.pods = Pods(self.queue, self.jobs)
        self.of_jobs, self.of_pods = Complaints(self.queue, self.jobs), Complaints(self.queue, self.pods)
        workloads = Workloads(self.queue, self.jobs)
        observe = Observer(api, self.jobs, self.pods, workloads, self.heard, self.of_jobs, self.of_pods)
        self.observe = observe
        self.reconcile = reconcile.Reconciler(
            api, observe, decide, children, SETTINGS, queue=self.queue, echo=Echo(), clock=lambda: 1e9
        )


@pytest.fixture
def api():
    api = FakeApi()
    api.put("thinksaferuns", raws.run())
    return api


def finish_jobs(api):
    """Be the Job controller: every Job has ended well, and its pod said so."""
    for (plural, _, name), job in list(api.objects.items()):
        if plural == "jobs" and not job.get("status", {}).get("conditions", [])[1:]:
            job["status"] = raws.job(finished="Complete")["status"]
            pod = raws.pod(f"{name}-0", uid=f"{name}-0", phase="Succeeded")
            end = {"exitCode": 0, "message": '{"code": 0}'}
            pod["status"]["containerStatuses"] = [raws.container(terminated=end)]
            pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = job["metadata"]["uid"]
            api.put("pods", pod)


async def settle(api, operator=None, passes=20):
    """Passes and finished Jobs until the run has ended; a failed pass is repeated, as the queue would."""
    for _ in range(passes):
        operator = operator or Operator(api)
        try:
            await operator.reconcile(KEY)
        except ApiError:
            continue
        except Crash:
            operator = None
            continue
        if api.run().get("status", {}).get("phase") == "Succeeded":
            return
        finish_jobs(api)
    raise AssertionError("the run does not end")


def outcome(api):
    return api.run()["status"], api.names("jobs"), dict(api.made)


def test_a_run_goes_from_nothing_to_its_end(api):
    asyncio.run(settle(api))
    status, jobs, made = outcome(api)
    assert [s["state"] for s in status["stages"]] == ["Succeeded"] * 2 and jobs == []
    assert [s["words"] for s in status["stages"]] == [1, 1]
    assert sorted(made.values()) == [1] * 5  # a ConfigMap, two Jobs, two events
    assert "nothing" not in status


def test_the_first_job_is_there_after_four_calls(api):
    async def test():
        await Operator(api).reconcile(KEY)

    asyncio.run(test())
    assert [verb for verb, _ in api.calls] == ["get", "apply", "create", "create"]


def test_a_second_pass_writes_nothing(api):
    async def test():
        operator = Operator(api)
        await operator.reconcile(KEY)
        api.calls.clear()
        assert await operator.reconcile(KEY) == 30
        assert {verb for verb, _ in api.calls} == {"get"}

    asyncio.run(test())


def undisturbed():
    api = FakeApi()
    api.put("thinksaferuns", raws.run())
    asyncio.run(settle(api))
    return outcome(api), api._writes


UNDISTURBED, WRITES = undisturbed()


@pytest.mark.parametrize("when", ["fault", "fault_after"])
@pytest.mark.parametrize("number", range(1, WRITES + 1))
@pytest.mark.parametrize(
    "error",
    [
        Crash(),
        ApiError(500, "InternalError", "etcd"),
        ApiError(429, "TooManyRequests", "slow down", 1),
        ApiError(0, "Unreachable", "no answer in time"),
    ],
    ids=["crash", "500", "429", "timeout"],
)
def test_a_fault_at_any_write_before_or_after_it_changes_nothing(api, when, number, error):
    def fault(verb, count):
        if count == number and not struck:
            struck.append(verb)
            raise error

    struck = []
    setattr(api, when, fault)
    asyncio.run(settle(api))
    status, _, made = outcome(api)
    assert struck and status == UNDISTURBED[0]
    assert set(made.values()) == {1}, "made twice"
    # An event may be lost with the process, and its name is of the run's version; a Job is neither lost nor doubled.
    assert [n for n in made if n.startswith("r-")] == [n for n in UNDISTURBED[2] if n.startswith("r-")]


def test_order_of_writes(api):
    async def test():
        operator = Operator(api)
        await operator.reconcile(KEY)
        finish_jobs(api)
        await operator.reconcile(KEY)

    asyncio.run(test())
    writes = [call for call in api.calls if call[0] in ("create", "apply", "delete")]
    assert writes == [
        ("apply", "thinksaferuns"),
        ("create", "configmaps"),
        ("create", "jobs"),
        ("apply", "thinksaferuns"),
        ("delete", "jobs"),
        ("create", "events"),
    ]


def test_a_run_that_is_gone_is_forgotten(api):
    async def test():
        operator = Operator(api)
        await operator.reconcile(KEY)
        assert operator.reconcile.phases == {KEY: "Running"}
        operator.queue.add_later(KEY, 1000)
        del api.objects["thinksaferuns", "ns", "r"]
        assert await operator.reconcile(KEY) is None
        assert operator.reconcile.phases == {} and not operator.queue._later

    asyncio.run(test())


def test_a_run_that_changed_in_between_is_read_again(api):
    async def test():
        operator = Operator(api)

        def change(verb, number):
            if verb == "apply":
                api.put("thinksaferuns", api.run())
                api.fault = lambda verb, number: None

        api.fault = change
        after = await operator.reconcile(KEY)
        assert after is not None and after < 1 and "status" not in api.run() and not api.made
        await operator.reconcile(KEY)
        assert api.run()["status"]["phase"] == "Running"
        assert set(api.made.values()) == {1}

    asyncio.run(test())


def test_nothing_is_made_on_the_strength_of_an_old_reading_even_if_the_status_stays(api):
    def as_recorded(run, seen, now):
        return Decision(run.status, create=(Attempt("train", 1),))

    def change(verb, number):
        if verb == "apply":
            api.put("thinksaferuns", api.run())

    async def test():
        api.fault = change
        after = await Operator(api, decide=as_recorded).reconcile(KEY)
        assert after is not None and after < 1 and not api.made

    asyncio.run(test())


@pytest.mark.parametrize("status", [400, 403, 413, 422])
def test_what_the_server_refuses_is_told_in_the_status_and_not_tried_at_once(api, status):
    def refuse(verb, number):
        if (verb, api.calls[-1][1]) == ("create", "jobs"):
            raise ApiError(status, "Forbidden", "exceeded quota: gpus")

    async def test():
        api.fault = refuse
        assert await Operator(api).reconcile(KEY) == 60
        assert api.run()["status"]["message"] == "exceeded quota: gpus"
        assert api.names("jobs") == [] and api.calls.count(("create", "jobs")) == 1

    asyncio.run(test())


def test_a_conflict_inside_quota_admission_is_no_refusal(api):
    def conflict(verb, number):
        if (verb, api.calls[-1][1]) == ("create", "jobs"):
            raise ApiError(409, "Conflict", "please apply your changes to the latest version of the quota")

    async def test():
        api.fault = conflict
        after = await Operator(api).reconcile(KEY)
        assert after is not None and after < 1 and api.run()["status"]["phase"] == "Running"
        api.fault = lambda verb, number: None
        await Operator(api).reconcile(KEY)
        assert len(api.names("jobs")) == 1

    asyncio.run(test())


def test_a_job_of_that_name_that_is_not_ours_is_left_alone_and_told(api):
    name = job_name("r", "run-1", "prepare", 1)
    api.put("jobs", raws.job(name, owner="somebody"))
    seen = []

    def spy(run, view, now):
        seen.append(view)
        return decide(run, view, now)

    async def test():
        await Operator(api, decide=spy).reconcile(KEY)
        assert seen[-1].refused[0] == 409 and [(j.name, j.ours) for j in seen[-1].jobs] == [(name, False)]
        assert api.run()["status"]["phase"] == "Pending"
        assert api.names("jobs") == [name]

    asyncio.run(test())


def test_a_manifest_of_that_name_that_is_not_ours_is_not_handed_to_workers(api):
    api.put("configmaps", raws.job("manifest", owner="somebody"))
    asyncio.run(Operator(api).reconcile(KEY))
    assert api.names("jobs") == [] and api.run()["status"]["phase"] == "Pending"


def test_settings_that_make_no_job_are_told_in_the_status(api):
    def impossible(run, attempt, settings):
        raise SettingsError("no storage", hint="Set spec.storage")

    asyncio.run(Operator(api, children=impossible).reconcile(KEY))
    assert api.run()["status"]["message"] == "no storage. Set spec.storage"


def test_an_event_that_cannot_be_written_does_not_hold_up_the_run(api):
    def refuse(verb, number):
        if (verb, api.calls[-1][1]) == ("create", "events"):
            raise ApiError(403, "Forbidden", "no")

    api.fault = refuse
    asyncio.run(settle(api))
    assert api.run()["status"]["phase"] == "Succeeded"


def test_in_a_namespace_on_its_way_out_a_live_job_is_deleted_for_it_would_keep_its_pod_for_ever(api):
    asyncio.run(Operator(api).reconcile(KEY))

    def leaving(verb, number):
        if (verb, api.calls[-1][1]) == ("create", "events"):
            raise ApiError(403, "Forbidden", "forbidden: namespace n because it is being terminated")

    def tells(run, seen, now):
        return Decision(run.status, events=(Event("Warning", "Disrupted", "its pod has ended"),))

    asyncio.run(Operator(api, decide=tells).reconcile(KEY))
    assert len(api.names("jobs")) == 1
    api.fault = leaving
    asyncio.run(Operator(api, decide=tells).reconcile(KEY))
    assert api.names("jobs") == []


def test_an_unknown_error_is_raised_for_the_queue_and_counted(api):
    def bug(run, seen, now):
        raise KeyError("x")

    before = counted("error")
    with pytest.raises(KeyError):
        asyncio.run(Operator(api, decide=bug).reconcile(KEY))
    assert counted("error") == before + 1


def counted(result):
    return reconcile.metrics.RECONCILES.labels(result)._value.get()


def test_the_run_is_deleted_only_if_it_is_still_the_same(api):
    def expire(run, seen, now):
        return Decision(run.status, delete_run=True)

    def replace(verb, number):
        if verb == "apply":
            api.put("thinksaferuns", raws.run(uid="run-2"))

    api.fault_after = replace
    asyncio.run(Operator(api, decide=expire).reconcile(KEY))
    assert api.run()["metadata"]["uid"] == "run-2"


def test_two_operators_make_each_job_once(api):
    async def test():
        one, two = Operator(api), Operator(api)
        for _ in range(20):
            await asyncio.gather(one.reconcile(KEY), two.reconcile(KEY))
            finish_jobs(api)

    asyncio.run(test())
    assert outcome(api)[0] == UNDISTURBED[0] and set(api.made.values()) == {1}


class TestObserver:
    """What is asked of the server, and what the caches are trusted with."""

    def seen(self, api, operator, status):
        api.run()["status"] = status
        api.calls.clear()
        return asyncio.run(operator.observe(parse.parse_run(api.run())))

    RUNNING = {"phase": "Running", "stages": [{"name": "train", "state": "Running", "attempt": 1}]}
    NAME = job_name("r", "run-1", "train", 1)

    def operator(self, api):
        async def make():
            return Operator(api)

        return asyncio.run(make())

    def with_cache(self, api, **job):
        async def make():
            operator = Operator(api)
            operator.jobs.put(raws.job(self.NAME, **job))
            operator.pods.put(raws.pod(containerStatuses=[raws.container(running={})]))
            return operator

        return asyncio.run(make())

    def test_a_cached_job_costs_no_call(self, api):
        seen = self.seen(api, self.with_cache(api, active=1), self.RUNNING)
        assert [j.name for j in seen.jobs] == [self.NAME] and seen.pods[0].running and api.calls == []

    def test_a_recorded_job_that_no_cache_knows_is_asked_for(self, api):
        api.put("jobs", raws.job(self.NAME))
        seen = self.seen(api, self.operator(api), self.RUNNING)
        assert [j.name for j in seen.jobs] == [self.NAME]

    def test_a_job_is_absent_only_if_the_server_says_so(self, api):
        operator = self.operator(api)
        assert self.seen(api, operator, self.RUNNING).jobs == () and ("get", "jobs") in api.calls

        def down(verb, number):
            raise ApiError(503, "ServiceUnavailable", "etcd")

        api.fault = down
        with pytest.raises(ApiError):
            self.seen(api, operator, self.RUNNING)

    def test_the_pods_of_a_finished_job_are_read_afresh(self, api):
        job = api.put("jobs", raws.job(self.NAME, finished="Failed"))
        pod = raws.pod("fresh", phase="Failed")
        pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = job["metadata"]["uid"]
        api.put("pods", pod)
        assert [p.name for p in self.seen(api, self.operator(api), self.RUNNING).pods] == ["fresh"]

    @pytest.mark.parametrize(("told", "calls"), [(1, 0), (0, 1)])
    def test_they_are_not_if_all_last_words_were_heard(self, api, told, calls):
        async def ended():
            operator = Operator(api)
            operator.jobs.put(raws.job(self.NAME))
            end = {"exitCode": 0, "message": '{"code": 0}' if told else ""}
            operator.pods.put(raws.pod(phase="Succeeded", containerStatuses=[raws.container(terminated=end)]))
            operator.jobs.put(raws.job(self.NAME, finished="Complete", succeeded=1))
            return operator

        seen = self.seen(api, asyncio.run(ended()), self.RUNNING)
        assert api.calls == [("list", "pods")] * calls
        assert [p.words for p in seen.pods] == [{"code": 0}] * told or not told

    @pytest.mark.parametrize("phase", ["Succeeded", "GateFailed", "Failed"])
    def test_a_run_that_has_ended_costs_no_call_but_shows_what_still_runs(self, api, phase):
        seen = self.seen(api, self.with_cache(api, active=1), {**self.RUNNING, "phase": phase})
        assert api.calls == [] and len(seen.jobs) == len(seen.pods) == 1

    @pytest.mark.parametrize(
        ("pods", "told"),
        [
            ([], "FailedCreate"),  # the Job may not be allowed to have one
            ([("Failed", "node-7")], "FailedCreate"),
            ([("Pending", "node-7")], "FailedMount"),  # its node may lack what it needs
            ([("Pending", "")], None),  # its own condition says why it has no node
            ([("Running", "node-7")], None),
            ([("Succeeded", "node-7")], None),  # the Job is about to end
        ],
    )
    def test_warnings_count_only_where_nothing_else_tells_and_cost_no_call(self, api, pods, told):
        async def waiting():
            operator = Operator(api)
            operator.jobs.put(raws.job(self.NAME))
            operator.of_jobs.put(raws.warning("Job", self.NAME, "FailedCreate"))
            for number, (phase, node) in enumerate(pods):
                running = [raws.container(running={})] if phase == "Running" else []
                pod = raws.pod(f"{self.NAME}-{number}", uid=f"pod-{number}", phase=phase, containerStatuses=running)
                operator.pods.put({**pod, "spec": {"nodeName": node}})
                operator.of_pods.put(raws.warning("Pod", f"{self.NAME}-{number}", "FailedMount"))
            return operator

        seen = self.seen(api, asyncio.run(waiting()), self.RUNNING)
        assert api.calls == [] and [reason for reason, _ in seen.warnings] == ([told] if told else [])

    def test_what_was_warned_of_long_ago_counts_no_more(self, api):
        async def waiting():
            operator = Operator(api)
            operator.jobs.put(raws.job(self.NAME))
            operator.of_jobs.put(raws.warning("Job", self.NAME, "FailedCreate", when=raws.BORN))
            return operator

        assert self.seen(api, asyncio.run(waiting()), self.RUNNING).warnings == ()

    def test_a_workload_is_asked_for_only_with_a_queue_and_a_kueue(self, api):
        api.run()["spec"] = {"queueName": "gpus"}
        operator = self.with_cache(api)
        assert self.seen(api, operator, self.RUNNING).workload is None and api.calls == []
        operator.observe.kueue = Resource("kueue.x-k8s.io", "v1beta1", "workloads")
        conditions = [{"type": "QuotaReserved", "status": "False", "message": "no quota"}]
        workload = {"metadata": {"name": "w", "namespace": "ns"}, "status": {"conditions": conditions}}
        workload["metadata"]["labels"] = {"kueue.x-k8s.io/job-uid": "job-1"}
        api.put("workloads", workload)
        seen = self.seen(api, operator, self.RUNNING)
        assert seen.workload is not None and seen.workload.message == "no quota"
