"""The run as a whole, told from its stages: what people and tools read."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.operator.specs import run

from thinksafe.plan import stage_names
from thinksafe.spec import RunSpec
from thinksafe.status import CONDITIONS, MAX_BYTES, QUOTA_RESERVED, STATES, RunStatus, size
from thinksafe_operator.draft import Draft
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason
from thinksafe_operator.status import Facts, closed

NOW = 1_800_000_000.0
ALL = ("prepare", "generate", "filter", "generate-2", "filter-2", "train", "evaluate", "report")
IMAGE = Problem(Reason.IMAGE_PULL_FAILED, "train: no image")
QUOTA = Problem(Reason.QUOTA_EXCEEDED, "train: no room")


def status_at(name, facts=Facts, **stage):
    """The status of a run that is at this stage, everything before it done."""
    draft = Draft(run(), NOW, ALL)
    for before in ALL[: ALL.index(name)]:
        draft.finish(next(s for s in draft.stages if s["name"] == before), "Succeeded", {})
    next(s for s in draft.stages if s["name"] == name).update(stage)
    made = closed(draft, facts() if facts is Facts else facts)
    RunStatus.model_validate(made)
    return made


def told(status):
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def test_all_conditions_exist_after_the_first_write():
    made = closed(Draft(run(), NOW, ALL), Facts())
    assert tuple(told(made)) == CONDITIONS
    assert made["phase"] == "Pending" and made["gate"] == "Pending" and made["observedGeneration"] == 1
    assert tuple(told(closed(Draft(run(), NOW, ALL), Facts(queued=True)))) == (*CONDITIONS, QUOTA_RESERVED)


@pytest.mark.parametrize(
    ("name", "stage", "facts", "phase", "ready", "stalled", "reconciling"),
    [
        ("prepare", {}, Facts(), "Pending", "Pending", False, True),
        ("prepare", {"attempt": 1, "job": "j"}, Facts(), "Pending", "Pending", False, True),
        ("prepare", {"attempt": 1, "job": "j"}, Facts(problem=QUOTA), "Queued", "QuotaExceeded", False, True),
        ("train", {"state": "Queued", "attempt": 1, "job": "j"}, Facts(), "Queued", "Queued", False, True),
        ("train", {"state": "Queued", "attempt": 1, "job": "j"}, Facts(problem=IMAGE), "Queued", "ImagePullFailed",
         True, False),
        ("train", {"state": "Running", "attempt": 1, "job": "j"}, Facts(), "Running", "Running", False, True),
        ("train", {"attempt": 1, "failures": 1, "lastFailure": {"message": "killed"}}, Facts(), "Queued", "Retrying",
         False, True),
        ("train", {"state": "Suspended", "attempt": 1, "job": "j"}, Facts(suspend=True), "Running", "Suspended",
         False, True),
        ("train", {"state": "Suspended", "attempt": 1}, Facts(suspend=True, settled=True), "Suspended", "Suspended",
         False, False),
        ("train", {"state": "Failed", "attempt": 3}, Facts(end="Failed", problem=QUOTA), "Failed", "QuotaExceeded",
         True, False),
    ],
)  # fmt: skip
def test_phase_and_the_three_conditions_of_kstatus(name, stage, facts, phase, ready, stalled, reconciling):
    made = status_at(name, facts, **stage)
    conditions = told(made)
    assert made["phase"] == phase and made["stage"] == name
    assert conditions["Ready"] == ("False", ready)
    assert (conditions["Stalled"][0], conditions["Reconciling"][0]) == (str(stalled), str(reconciling))
    assert conditions["Suspended"][0] == str(phase == "Suspended")
    assert conditions["Failed"][0] == str(phase == "Failed")
    assert conditions["Complete"][0] == "False" and conditions["GatePassed"] == ("Unknown", "NotEvaluated")
    assert made["message"] and ("completionTime" in made) == (phase == "Failed")


def ended(facts, **more):
    draft = Draft(run(), NOW, ALL)
    for stage in draft.stages:
        draft.finish(stage, "Succeeded", {})
    draft.status |= more
    made = closed(draft, facts)
    RunStatus.model_validate(made)
    return made


def test_a_passed_gate_is_ready():
    made = ended(Facts(end="Succeeded"), adapter="s3://b/a")
    conditions = told(made)
    assert made["phase"] == "Succeeded" and made["gate"] == "Passed" and "s3://b/a" in made["message"]
    assert {k for k, (status, _) in conditions.items() if status == "True"} == {
        "Ready", "Prepared", "Generated", "Filtered", "Trained", "Evaluated", "Reported", "GatePassed", "Complete",
    }  # fmt: skip
    assert conditions["Ready"] == conditions["Complete"] == ("True", "Complete")


def test_a_failed_gate_is_complete_but_not_ready_and_needs_a_human():
    made = ended(Facts(end="GateFailed", problem=Problem(Reason.GATE_FAILED, "The gate is not passed: harm rose")))
    conditions = told(made)
    assert made["phase"] == "GateFailed" and made["gate"] == "Failed" and "harm rose" in made["message"]
    assert conditions["Ready"] == ("False", "GateFailed") and conditions["Stalled"] == ("True", "GateFailed")
    assert conditions["GatePassed"] == ("False", "GateFailed") and conditions["Complete"] == ("True", "Complete")
    assert conditions["Failed"][0] == conditions["Reconciling"][0] == "False"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("Waiting", "Waiting"), ("Unknown", "NotStarted")),
        (("Running", "Waiting"), ("False", "Running")),
        (("Queued", "Waiting"), ("False", "Queued")),
        (("Succeeded", "Waiting"), ("False", "Pending")),
        (("Succeeded", "Running"), ("False", "Running")),
        (("Cached", "Cached"), ("True", "CacheHit")),
        (("Cached", "Succeeded"), ("True", "Committed")),
        (("Succeeded", "Failed"), ("False", "StageFailed")),
    ],
)
def test_the_rungs_of_the_ladder_fold_into_one_condition(states, expected):
    draft = Draft(run(), NOW, ALL)
    for name, state in zip(("generate", "generate-2"), states, strict=True):
        stage = next(s for s in draft.stages if s["name"] == name)
        stage |= {"state": state, "attempt": 0 if state in ("Waiting", "Cached") else 1, "job": "j"}
    assert told(closed(draft, Facts()))["Generated"] == expected


def test_the_quota_condition_follows_kueue():
    waits = Problem(Reason.QUOTA_PENDING, "no room")
    stage = {"state": "Queued", "attempt": 1, "job": "j"}
    for quota, expected in [
        (None, ("Unknown", "NotStarted")), ("reserved", ("True", "QuotaReserved")), (waits, ("False", "QuotaPending")),
    ]:  # fmt: skip
        assert told(status_at("train", Facts(queued=True, quota=quota), **stage))[QUOTA_RESERVED] == expected


def test_a_stage_that_is_suspended_after_a_failure_is_suspended_first_of_all():
    failed = {"state": "Suspended", "attempt": 1, "failures": 1, "lastFailure": {"message": "killed"}}
    assert told(status_at("train", Facts(suspend=True), **failed))["Trained"] == ("False", "Suspended")


def test_a_resumed_run_says_so():
    suspended = status_at("train", Facts(suspend=True, settled=True), state="Suspended", attempt=1)
    resumed = closed(Draft(replace(run(), status=suspended), NOW, ALL), Facts())
    assert told(resumed)["Suspended"] == ("False", "Resumed")
    later = closed(Draft(replace(run(), status=resumed), NOW, ALL), Facts())
    assert told(later)["Suspended"] == ("False", "Resumed")


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(lambda t: (t or "x") * 40)
_failure = st.fixed_dictionaries({
    "reason": st.sampled_from(list(Reason)).map(str), "message": _text.map(lambda t: t[:600]),
    "hint": _text.map(lambda t: t[:300]), "node": st.just("n" * 253), "time": st.just("2026-01-01T00:00:00Z"),
})  # fmt: skip
_stage = st.fixed_dictionaries(
    {
        "state": st.sampled_from(STATES), "attempt": st.integers(0, 99), "failures": st.integers(0, 9),
        "job": st.just("j" * 63), "startTime": st.just("2026-01-01T00:00:00Z"), "tokens": st.integers(0, 2**53),
        "artifacts": st.just({n: "ab" * 32 for n in ("answers-base", "verdicts-base", "answers-aligned", "dataset")}),
    },
    optional={"lastFailure": _failure, "avoidNodes": st.just([f"{i:x<253}" for i in range(16)])},
)  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(st.lists(_stage, min_size=22, max_size=22), _text, st.sampled_from([None, "Failed", "GateFailed"]))
def test_the_longest_ladder_with_the_longest_words_stays_under_the_limit(stages, text, end):
    ladder = {"steering": {"ladder": [{"template": "risk"}] * 8}}
    names = stage_names(RunSpec.model_validate(run(**ladder).spec))
    draft = Draft(run(), NOW, names)
    for entry, drawn in zip(draft.stages, stages, strict=True):
        entry |= drawn
    draft.status["results"] = [{"kind": "harmful", "benchmark": "b" * 63, "base": 1 / 3, "aligned": 2 / 3}] * 12
    draft.status |= {"report": "r" * 1024, "adapter": "a" * 1024}
    if draft.current is None:
        draft.stages[-1]["state"] = "Running"
    made = closed(draft, Facts(end=end, problem=Problem(Reason.WORKER_CRASHED, text), queued=True))
    RunStatus.model_validate(made)
    assert size(made) < MAX_BYTES
