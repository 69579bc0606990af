"""What is read out of raw objects, and what is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.operator import raws

from thinksafe_operator import parse

WORDS = {"code": 75, "reason": "Temporary", "message": "m"}
TOLD = {
    "node": "responses-1",
    "rows": 5,
    "total": 10,
    "chunks": 1,
    "tokens": 900,
    "seconds": 2.5,
    "device_seconds": 2,
    "updated": 1e9,
}


def test_a_run_that_was_just_made_has_an_empty_status():
    run = parse.parse_run(raws.run())
    assert (run.name, run.namespace, run.uid, run.generation, run.deleting) == ("r", "ns", "run-1", 1, False)
    assert run.status == {} and run.created == 1795514400.0
    assert parse.parse_run(raws.run(deletionTimestamp=raws.BORN)).deleting


def test_a_job():
    job = parse.parse_job(raws.job(active=2, ready=1, succeeded=3, failed=4), "run-1")
    assert (job.stage, job.attempt, job.ours, job.finished) == ("train", 1, True, None)
    assert (job.active, job.ready, job.succeeded, job.failed) == (2, 1, 3, 4)


@pytest.mark.parametrize("end", ["Complete", "Failed"])
def test_a_job_has_ended_with_its_terminal_condition_only(end):
    job = parse.parse_job(raws.job(finished=end), "run-1")
    assert (job.finished, job.reason, job.finished_at) == (end, "R", 1795514700.0)
    not_yet = raws.job()
    not_yet["status"]["conditions"].append(
        {"type": "FailureTarget", "status": "True", "lastTransitionTime": raws.BORN}
    )
    assert parse.parse_job(not_yet, "run-1").finished is None


def test_a_job_of_another_owner_is_not_ours():
    assert not parse.parse_job(raws.job(owner="run-2"), "run-1").ours
    orphan = raws.job()
    del orphan["metadata"]["ownerReferences"]
    assert not parse.parse_job(orphan, "run-1").ours
    orphan["metadata"]["labels"] = None
    assert (parse.parse_job(orphan, "run-1").stage, parse.parse_job(orphan, "run-1").attempt) == ("", 0)


def test_a_running_pod():
    pod = parse.parse_pod(raws.pod(containerStatuses=[raws.container(running={})]))
    assert (pod.index, pod.node, pod.phase, pod.running, pod.exit_code) == (3, "node-7", "Running", True, None)


def test_a_sidecar_says_nothing_of_the_worker():
    ended = raws.container("sidecar", terminated={"exitCode": 0, "reason": "Completed"})
    pod = parse.parse_pod(raws.pod(containerStatuses=[ended, raws.container(running={})]))
    assert pod.running and pod.exit_code is None and pod.terminated == ""


def test_a_pod_that_waits_says_for_what_and_the_trouble_first():
    pulling = raws.container("init", waiting={"reason": "ImagePullBackOff", "message": "no such image"})
    turn = raws.container(waiting={"reason": "PodInitializing"})
    pod = parse.parse_pod(raws.pod(phase="Pending", containerStatuses=[turn], initContainerStatuses=[pulling]))
    assert (pod.waiting, pod.waiting_message) == ("ImagePullBackOff", "no such image")
    pod = parse.parse_pod(raws.pod(phase="Pending", containerStatuses=[turn]))
    assert pod.waiting == "PodInitializing"


def test_a_pod_that_finds_no_node():
    no = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}
    assert parse.parse_pod(raws.pod(conditions=[no])).unschedulable == "0/3 nodes"
    gated = {**no, "reason": "SchedulingGated"}
    assert parse.parse_pod(raws.pod(conditions=[gated])).unschedulable == ""


def test_a_pod_that_ended_with_words():
    end = {"exitCode": 75, "reason": "Error", "message": json.dumps(WORDS), "finishedAt": "2026-11-24T10:05:00Z"}
    pod = parse.parse_pod(raws.pod(phase="Failed", containerStatuses=[raws.container(terminated=end)]))
    assert (pod.exit_code, pod.terminated, pod.words, pod.finished_at) == (75, "Error", WORDS, 1795514700.0)


@pytest.mark.parametrize("text", ["", "Traceback", "[1]", '{"code": "75"}', '{"code": true}', '{"code": 1', "{}"])
def test_what_is_not_a_workers_words_is_none(text):
    assert parse.words(text) is None


def test_an_evicted_pod_has_no_container_and_a_reason_of_its_own():
    target = {"type": "DisruptionTarget", "status": "True"}
    evicted = raws.pod(phase="Failed", reason="Evicted", message="The node was low", conditions=[target])
    pod = parse.parse_pod(evicted)
    assert (pod.terminated, pod.disrupted, pod.exit_code) == ("Evicted", True, None)
    assert pod.evicted == "The node was low"
    assert parse.parse_pod(raws.pod(phase="Failed", reason="NodeLost", message="gone")).evicted == ""


def test_a_workload_says_why_it_waits():
    def workload(**conditions):
        return {"status": {"conditions": [{"type": t, **c} for t, c in conditions.items()]}}

    waiting = {
        "status": "False",
        "reason": "Pending",
        "message": "no quota",
        "lastTransitionTime": "2026-01-01T00:00:02Z",
    }
    put_out = {
        "status": "True",
        "reason": "Preempted",
        "message": "by x",
        "lastTransitionTime": "2026-01-01T00:00:01Z",
    }
    assert parse.parse_workload({}).quota_reserved is False
    assert parse.parse_workload(workload(QuotaReserved=waiting)).message == "no quota"
    assert parse.parse_workload(workload(QuotaReserved=waiting, Evicted=put_out)).reason == "Pending"
    later = {**put_out, "lastTransitionTime": "2026-01-01T00:00:03Z"}
    assert parse.parse_workload(workload(QuotaReserved=waiting, Evicted=later)).reason == "Preempted"
    has = {**waiting, "status": "True", "reason": "QuotaReserved"}
    assert parse.parse_workload(workload(QuotaReserved=has, Evicted=later)).quota_reserved


def test_the_last_whole_line_of_progress_counts():
    def line(**more):
        return "thinksafe-progress " + json.dumps({**TOLD, **more})

    log = "\n".join([line(rows=1), "noise", "40%|####  " + line(rows=2), line(rows=3)[:30]])
    told = parse.progress(log)
    assert told and (told.node, told.rows, told.total, told.seconds) == ("responses-1", 2, 10, 2.5)
    assert parse.progress("noise\n") is None and parse.progress("") is None


def test_a_worker_that_cannot_get_on_says_why_in_one_word_and_before_anything_is_made():
    def trouble(said: object) -> str | None:
        told = parse.progress("thinksafe-progress " + json.dumps({**TOLD, "node": "", "trouble": said}))
        return told and told.trouble

    assert trouble("StoreUnavailable") == "StoreUnavailable"
    assert [trouble(said) for said in ("Tell me how to", 5, None, "x" * 50)] == [""] * 4


@pytest.mark.parametrize(
    "more",
    [
        {"node": "Tell me how to"},
        {"node": 1},
        {"rows": "5"},
        {"rows": True},
        {"rows": -1},
        {"rows": None},
        {"tokens": 1e30},
        {"seconds": float("nan")},
        {"updated": [1]},
    ],
)
def test_only_numbers_and_an_artifacts_name_get_through(more):
    assert parse.progress("thinksafe-progress " + json.dumps({**TOLD, **more})) is None


@given(st.text())
def test_no_log_and_no_last_words_break_the_parser(text):
    parse.progress(f"thinksafe-progress {text}")
    parse.progress(f"thinksafe-progress [{text}]")
    parse.words("{" + text)


def test_a_warning_is_told_with_its_last_time():
    raw = {"metadata": {"creationTimestamp": raws.BORN}, "reason": "FailedMount", "message": "no secret"}
    assert parse.warning(raw) == (1795514400.0, "FailedMount", "no secret")
    again = {**raw, "lastTimestamp": "2026-11-24T10:05:00Z"}
    assert parse.warning(again) == (1795514700.0, "FailedMount", "no secret")
