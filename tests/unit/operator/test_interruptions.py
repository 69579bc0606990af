"""What is left of a run when a pass ends between any two lines, is doubled, or has read what is old by then."""

import asyncio

import pytest
from unit.operator.fake_api import WRITES, Crash
from unit.operator.one_operator import KEY, Operator, finish_jobs, fresh, outcome, settle

from thinksafe_operator.refusal import ApiError
from thinksafe_operator.state import Attempt, Decision


@pytest.fixture
def api():
    return fresh()


def undisturbed():
    api = fresh()
    asyncio.run(settle(api))
    return outcome(api), len(api.names("events")), [call for call in api.calls if call[0] in WRITES]


UNDISTURBED, EVENTS, WRITTEN = undisturbed()


@pytest.mark.parametrize("when", ["fault", "fault_after"])
@pytest.mark.parametrize("number", range(1, len(WRITTEN) + 1))
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


@pytest.mark.parametrize("number", [n for n, (_, plural) in enumerate(WRITTEN, start=1) if plural != "events"])
@pytest.mark.parametrize("status", [409, 429, 500])
def test_a_write_that_is_refused_for_now_loses_no_event(api, number, status):
    def fault(verb, count):
        if count == number and not struck:
            struck.append(verb)
            raise ApiError(status, "Conflict", "please try again")

    struck = []
    api.fault = fault
    asyncio.run(settle(api))
    assert struck and len(api.names("events")) == EVENTS


def test_two_operators_make_each_job_once(api):
    async def test():
        one, two = Operator(api), Operator(api)
        for _ in range(20):
            await asyncio.gather(one.reconcile(KEY), two.reconcile(KEY))
            finish_jobs(api)

    asyncio.run(test())
    assert outcome(api)[0] == UNDISTURBED[0] and set(api.made.values()) == {1}


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
