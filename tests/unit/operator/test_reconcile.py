"""One pass over a run: what it writes, and in which order."""

import asyncio

import pytest
from unit.operator import raws
from unit.operator.one_operator import KEY, Operator, finish_jobs, fresh, outcome, settle

from thinksafe_operator import reconcile
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.state import Decision, Event


@pytest.fixture
def api():
    return fresh()


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


def test_the_run_is_deleted_only_if_it_is_still_the_same(api):
    def expire(run, seen, now):
        return Decision(run.status, delete_run=True)

    def replace(verb, number):
        if verb == "apply":
            api.put("thinksaferuns", raws.run(uid="run-2"))

    api.fault_after = replace
    asyncio.run(Operator(api, decide=expire).reconcile(KEY))
    assert api.run()["metadata"]["uid"] == "run-2"


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
