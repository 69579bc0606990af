"""What the API server refuses or the manifest itself prevents: the status tells of it, nothing is half-made."""

import asyncio

import pytest
from unit.operator import raws
from unit.operator.one_operator import KEY, Operator, decide, fresh

from thinksafe.errors import SettingsError
from thinksafe_operator.names import job_name
from thinksafe_operator.refusal import ApiError


@pytest.fixture
def api():
    return fresh()


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
