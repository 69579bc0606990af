"""Warning events: kept if they can tell something of ours, told once, forgotten when Kubernetes forgets them."""

import asyncio

import pytest
from unit.operator import raws
from unit.operator.virtual import run

from thinksafe_operator.children import Jobs
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.names import is_of_a_job, job_name
from thinksafe_operator.queue import Queue

NAME = job_name("r", "run-1", "generate-2", 3)


def heard(*feed, known=True):
    """What is kept of the Job after `feed`, a list of functions of the cache, and how often the run was told."""
    told, kept = [], []

    async def main():
        queue = Queue()

        async def note(key):
            told.append(key)

        jobs = Jobs(queue)
        if known:
            jobs.put(raws.job(NAME))
        cache = Complaints(queue, jobs)
        working = asyncio.create_task(queue.work(note))
        await asyncio.sleep(1)
        told.clear()
        for step in feed:
            step(cache)
            await asyncio.sleep(1)
        kept.extend(w[1:] for w in cache.of("ns", NAME))
        working.cancel()

    run(main())
    return kept, len(told)


def put(reason="FailedCreate", **what):
    return lambda cache: cache.put(raws.warning("Job", NAME, reason, about="job-1", **what))


def test_news_are_told_and_what_is_said_again_is_not():
    later = {"when": "2026-11-24T11:00:00Z"}
    assert heard(put(), put(**later), put(**later)) == ([("FailedCreate", "said")], 1)
    assert heard(put(), put(message="other")) == ([("FailedCreate", "other")], 2)


def test_a_warning_that_comes_before_its_job_is_there_when_the_job_comes():
    assert heard(put(), known=False) == ([("FailedCreate", "said")], 0)


@pytest.mark.parametrize("reason", ["BackoffLimitExceeded", "Unhealthy"])
def test_what_nothing_is_made_of_is_passed_over(reason):
    assert heard(put(reason)) == ([], 0)


def test_other_peoples_jobs_are_passed_over():
    def other(cache):
        cache.put(raws.warning("Job", "nightly-backup", "FailedCreate"))
        assert cache.of("ns", "nightly-backup") == []

    assert heard(other) == ([], 0)


def test_what_kubernetes_forgets_is_forgotten():
    gone = raws.warning("Job", NAME, "FailedCreate")
    assert heard(put(), lambda cache: cache.drop(gone)) == ([], 1)
    assert heard(put(), lambda cache: cache.keep(set(), None)) == ([], 1)
    assert heard(put(), lambda cache: cache.keep(set(), "other"))[0] == [("FailedCreate", "said")]
    assert heard(put(), lambda cache: cache.keep({gone["metadata"]["uid"]}, "ns"))[0] == [("FailedCreate", "said")]


@pytest.mark.parametrize("run_name", ["r", "a" * 63, "train-abcdef-1"])
@pytest.mark.parametrize("stage", ["prepare", "filter-9", "report"])
def test_names_of_jobs_and_of_their_pods_are_known(run_name, stage):
    name = job_name(run_name, "uid", stage, 12)
    assert is_of_a_job(name) and is_of_a_job(f"{name}-3-x7k2p") and not is_of_a_job(f"{name}x")
