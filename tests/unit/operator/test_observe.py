"""What is asked of the server, and what the caches are trusted with."""

import asyncio

import pytest
from unit.operator import raws
from unit.operator.one_operator import Operator, fresh

from thinksafe_operator import parse
from thinksafe_operator.names import job_name
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import Resource

RUNNING = {"phase": "Running", "stages": [{"name": "train", "state": "Running", "attempt": 1}]}
NAME = job_name("r", "run-1", "train", 1)


@pytest.fixture
def api():
    return fresh()


def look(api, operator, status):
    api.run()["status"] = status
    api.calls.clear()
    return asyncio.run(operator.observe(parse.parse_run(api.run())))


def with_nothing(api):
    async def make():
        return Operator(api)

    return asyncio.run(make())


def with_cache(api, **job):
    async def make():
        operator = Operator(api)
        operator.jobs.put(raws.job(NAME, **job))
        operator.pods.put(raws.pod(containerStatuses=[raws.container(running={})]))
        return operator

    return asyncio.run(make())


def test_a_cached_job_costs_no_call(api):
    seen = look(api, with_cache(api, active=1), RUNNING)
    assert [j.name for j in seen.jobs] == [NAME] and seen.pods[0].running and api.calls == []


def test_a_recorded_job_that_no_cache_knows_is_asked_for(api):
    api.put("jobs", raws.job(NAME))
    seen = look(api, with_nothing(api), RUNNING)
    assert [j.name for j in seen.jobs] == [NAME]


def test_a_job_is_absent_only_if_the_server_says_so(api):
    operator = with_nothing(api)
    assert look(api, operator, RUNNING).jobs == () and ("get", "jobs") in api.calls

    def down(verb, number):
        raise ApiError(503, "ServiceUnavailable", "etcd")

    api.fault = down
    with pytest.raises(ApiError):
        look(api, operator, RUNNING)


def test_the_pods_of_a_finished_job_are_read_afresh(api):
    job = api.put("jobs", raws.job(NAME, finished="Failed"))
    pod = raws.pod("fresh", phase="Failed")
    pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = job["metadata"]["uid"]
    api.put("pods", pod)
    assert [p.name for p in look(api, with_nothing(api), RUNNING).pods] == ["fresh"]


@pytest.mark.parametrize(("told", "calls"), [(1, 0), (0, 1)])
def test_they_are_not_if_all_last_words_were_heard(api, told, calls):
    async def ended():
        operator = Operator(api)
        operator.jobs.put(raws.job(NAME))
        end = {"exitCode": 0, "message": '{"code": 0}' if told else ""}
        operator.pods.put(raws.pod(phase="Succeeded", containerStatuses=[raws.container(terminated=end)]))
        operator.jobs.put(raws.job(NAME, finished="Complete", succeeded=1))
        return operator

    seen = look(api, asyncio.run(ended()), RUNNING)
    assert api.calls == [("list", "pods")] * calls
    assert [p.words for p in seen.pods] == [{"code": 0}] * told or not told


@pytest.mark.parametrize("phase", ["Succeeded", "GateFailed", "Failed"])
def test_a_run_that_has_ended_costs_no_call_but_shows_what_still_runs(api, phase):
    seen = look(api, with_cache(api, active=1), {**RUNNING, "phase": phase})
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
def test_warnings_count_only_where_nothing_else_tells_and_cost_no_call(api, pods, told):
    async def waiting():
        operator = Operator(api)
        operator.jobs.put(raws.job(NAME))
        operator.of_jobs.put(raws.warning("Job", NAME, "FailedCreate"))
        for number, (phase, node) in enumerate(pods):
            running = [raws.container(running={})] if phase == "Running" else []
            pod = raws.pod(f"{NAME}-{number}", uid=f"pod-{number}", phase=phase, containerStatuses=running)
            operator.pods.put({**pod, "spec": {"nodeName": node}})
            operator.of_pods.put(raws.warning("Pod", f"{NAME}-{number}", "FailedMount"))
        return operator

    seen = look(api, asyncio.run(waiting()), RUNNING)
    assert api.calls == [] and [reason for reason, _ in seen.warnings] == ([told] if told else [])


def test_what_was_warned_of_long_ago_counts_no_more(api):
    async def waiting():
        operator = Operator(api)
        operator.jobs.put(raws.job(NAME))
        operator.of_jobs.put(raws.warning("Job", NAME, "FailedCreate", when=raws.BORN))
        return operator

    assert look(api, asyncio.run(waiting()), RUNNING).warnings == ()


def test_a_workload_is_asked_for_only_with_a_queue_and_a_kueue(api):
    api.run()["spec"] = {"queueName": "gpus"}
    operator = with_cache(api)
    assert look(api, operator, RUNNING).workload is None and api.calls == []
    operator.observe.kueue = Resource("kueue.x-k8s.io", "v1beta1", "workloads")
    conditions = [{"type": "QuotaReserved", "status": "False", "message": "no quota"}]
    workload = {"metadata": {"name": "w", "namespace": "ns"}, "status": {"conditions": conditions}}
    workload["metadata"]["labels"] = {"kueue.x-k8s.io/job-uid": "job-1"}
    api.put("workloads", workload)
    seen = look(api, operator, RUNNING)
    assert seen.workload is not None and seen.workload.message == "no quota"
