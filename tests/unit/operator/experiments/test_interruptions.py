"""What is left of an experiment when a pass ends between any two lines, is doubled, or has read what is old."""

import asyncio
import copy
import random

import pytest
from unit.operator import virtual
from unit.operator.experiments.one_experiment import KEY, Operator, experiment, fresh, go_on, made, settle, told
from unit.operator.fake_api import WRITES, Crash

from thinksafe_operator.names import EXPERIMENTS
from thinksafe_operator.refusal import ApiError

ERRORS = {
    "crash": Crash(),
    "409": ApiError(409, "Conflict", "please apply your changes to the latest version"),
    "429": ApiError(429, "TooManyRequests", "slow down", 1),
    "500": ApiError(500, "InternalError", "etcd"),
    "timeout": ApiError(0, "Unreachable", "no answer in time"),
}
# After it took effect a write is not heard of, or the process ends: the API server does not do it and say no.
UNHEARD = ("crash", "timeout")


def lived(api):
    """The experiment's last status."""
    last = []

    async def live():
        last.append(await settle(api))

    virtual.run(live())
    return last[0]


def undisturbed():
    api = fresh()
    return lived(api), made(api), told(api), [call for call in api.calls if call[0] in WRITES]


STATUS, MADE, TOLD, WRITTEN = undisturbed()


def struck(api, faults):
    """Let each fault strike once: `faults` are the name of an error, the number of the write, and before or after."""
    left = list(faults)

    def fault_at(when):
        def fault(verb, number):
            for one in left:
                if one[1:] == (number, when):
                    left.remove(one)
                    raise ERRORS[one[0]]

        return fault

    api.fault, api.fault_after = fault_at("before"), fault_at("after")
    return left


def without_uids(status):
    """Uids here are numbers in order: a fault may make two runs change places."""
    return {**status, "variants": [{k: v for k, v in one.items() if k != "runUid"} for one in status["variants"]]}


def check(api, status):
    assert without_uids(status) == without_uids(STATUS)
    assert made(api) == MADE, "made twice, or not at all"
    assert told(api) <= TOLD, "told twice, or otherwise"


def test_undisturbed_it_is_what_it_is_meant_to_be():
    assert [v["phase"] for v in STATUS["variants"]] == ["Succeeded", "Failed", "Succeeded", "GateFailed", "Failed"]
    assert "report" in STATUS and STATUS["phase"] == "Failed"
    assert {reason for reason, _ in TOLD} >= {"Suspended", "Resumed", "VariantFailed", "Reported", "Failed"}
    assert set(TOLD.values()) == {1} and {verb for verb, _ in WRITTEN} == set(WRITES)


@pytest.mark.parametrize("number", range(1, len(WRITTEN) + 1))
@pytest.mark.parametrize(
    ("error", "when"), [*((e, "before") for e in ERRORS), *((e, "after") for e in UNHEARD)], ids=str
)
def test_a_fault_at_any_write_changes_nothing(error, when, number):
    api = fresh()
    left = struck(api, [(error, number, when)])
    status = lived(api)
    assert not left
    check(api, status)
    # With the process its events are lost, as they are when nobody knows that the status is written; and one that is
    # refused for good.
    verb, plural = WRITTEN[number - 1]
    if error != "crash" and (verb, when) != ("apply", "after") and (error, plural) != ("409", "events"):
        assert told(api) == TOLD


@pytest.mark.parametrize("seed", range(50))
def test_two_faults_change_nothing_either(seed):
    rng, api = random.Random(seed), fresh()
    faults = [(rng.choice(UNHEARD), n, rng.choice(("before", "after"))) for n in rng.sample(range(1, len(WRITTEN)), 2)]
    struck(api, faults)
    check(api, lived(api))


def test_two_operators_make_everything_once():
    api = fresh()

    async def live():
        one, two = Operator(api), Operator(api)
        for _ in range(20):
            await asyncio.gather(*(o.reconcile(KEY) for o in (one, two)))
            go_on(api)

    virtual.run(live())
    assert experiment(api) is None
    assert made(api) == MADE and told(api) == TOLD


def test_an_experiment_that_changed_in_between_is_read_again():
    api = fresh()

    def change(verb, number):
        if verb == "apply":
            api.put(EXPERIMENTS, copy.deepcopy(experiment(api)))
            api.fault = lambda verb, number: None

    async def live():
        api.fault = change
        operator = Operator(api)
        after = await operator.reconcile(KEY)
        assert after is not None and after < 1 and "status" not in experiment(api) and not api.made
        await operator.reconcile(KEY)
        assert made(api) == {"e-a": 1, "e-b": 1}

    virtual.run(live())
