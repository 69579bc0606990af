"""A watch that loses nothing: what the caches hold after gaps, and what they let go."""

import asyncio

from unit.operator import raws
from unit.operator.virtual import now, run

from thinksafe_operator.children import GATHER_SECONDS, Jobs, Pods, Workloads
from thinksafe_operator.queue import Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import JOBS
from thinksafe_operator.watch import Watch

KEY = ("ns", "r")
END = object()  # the server ends the stream
SILENCE = object()  # nothing comes, for as long as the client waits


class Scripted:
    """An API server that answers lists and watches from a script, and notes from where it is asked to go on."""

    def __init__(self, lists, watches):
        self.lists, self.watches = list(lists), list(watches)
        self.since: list[str] = []

    async def pages(self, resource, namespace, *, labels, fields):
        answer = self.lists.pop(0)
        if isinstance(answer, Exception):
            raise answer
        for page in answer:
            yield page, "100"

    async def watch(self, resource, namespace, *, since, seconds, labels, fields):
        self.since.append(since)
        for event in self.watches.pop(0) if self.watches else [SILENCE]:
            if event is SILENCE:
                await asyncio.sleep(seconds + 5)
                raise ApiError(0, "Unreachable", "no answer in time")
            if isinstance(event, Exception):
                raise event
            if event is END:
                return
            await asyncio.sleep(1)
            yield event


def event(kind, raw, version):
    return {"type": kind, "object": {**raw, "metadata": {**raw["metadata"], "resourceVersion": version}}}


def bookmark(version):
    return {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version}}}


def watched(lists, watches, check, *, seconds=1000.0, after=60.0):
    """Watch Jobs by the script for `after` seconds of virtual time, then check(jobs, api, keys, watch)."""

    async def main():
        queue, keys = Queue(), []

        async def note(key):
            keys.append((round(now(), 1), key))

        jobs = Jobs(queue)
        api = Scripted(lists, watches)
        watch = Watch(api, JOBS, None, jobs, seconds=seconds)  # pyright: ignore[reportArgumentType]
        tasks = [asyncio.create_task(watch.run()), asyncio.create_task(queue.work(note))]
        await asyncio.sleep(after)
        assert not any(t.done() for t in tasks)
        check(jobs, api, keys, watch)

    run(main())


def test_it_lists_all_pages_and_goes_on_from_there():
    def check(jobs, api, keys, watch):
        assert [j.name for j in jobs.of("run-1")] == ["a", "b"] and watch.listed.is_set()
        assert api.since == ["100"] and len(keys) == 1

    watched([[[raws.job("a", "1")], [raws.job("b", "2")]]], [], check)


def test_it_resumes_from_the_last_version_heard_bookmarks_included():
    def check(jobs, api, keys, watch):
        assert api.since == ["100", "205", "210"]
        assert not api.lists

    changed = event("ADDED", raws.job("a", "1"), "205")
    watched([[[]]], [[changed, END], [bookmark("210"), END]], check)


def test_a_network_error_costs_a_pause_and_no_list():
    def check(jobs, api, keys, watch):
        assert api.since == ["100", "100", "100"] and [j.name for j in jobs.of("run-1")] == ["a"]

    down = ApiError(0, "Unreachable", "reset")
    watched([[[raws.job("a", "1")]]], [[down], [down]], check)


def test_a_list_that_fails_is_tried_again_until_it_succeeds():
    def check(jobs, api, keys, watch):
        assert watch.listed.is_set() and api.since == ["100"]

    watched([ApiError(500, "InternalError", "x"), ApiError(429, "TooManyRequests", "x", 5), [[]]], [], check)


def test_what_vanished_during_a_gap_is_dropped_and_told():
    def check(jobs, api, keys, watch):
        assert [j.name for j in jobs.of("run-1")] == ["b"]
        assert jobs.of("run-2") == [] and ("ns", "other") in [k for _, k in keys[2:]]

    other = raws.job("c", "3", owner="run-2", run_name="other")
    full = [[raws.job("a", "1"), raws.job("b", "2"), other]]
    watched([full, [[raws.job("b", "2")]]], [[bookmark("101"), ApiError(410, "Expired", "too old")]], check)


def test_a_change_and_a_deletion_are_told_once_each_and_what_means_nothing_is_not():
    def check(jobs, api, keys, watch):
        assert jobs.of("run-1") == []
        listed, changed, deleted = (at for at, _ in keys)
        assert (listed, changed, deleted) == (GATHER_SECONDS, 1 + GATHER_SECONDS, 3 + GATHER_SECONDS)

    job = raws.job("a", "1")
    same = event("MODIFIED", raws.job("a", "1", active=1), "207")
    events = [event("MODIFIED", raws.job("a", "1", active=1), "206"), same, event("DELETED", job, "208")]
    watched([[[job]]], [events], check)


def test_a_job_that_finishes_is_told_and_kept_until_it_is_released():
    def check(jobs, api, keys, watch):
        assert [j.finished for j in jobs.of("run-1")] == ["Complete"] and [k for _, k in keys] == [KEY, KEY]
        jobs.release("run-1", but="a")
        assert len(jobs) == 1
        jobs.release("run-1", but="b")
        assert len(jobs) == 0

    watched([[[raws.job("a", "1")]]], [[event("MODIFIED", raws.job("a", "1", finished="Complete"), "205")]], check)


def test_a_job_that_had_finished_before_is_told_and_not_kept():
    def check(jobs, api, keys, watch):
        assert len(jobs) == 0 and [k for _, k in keys] == [KEY]

    watched([[[raws.job("a", "1", finished="Complete")]]], [], check)


def test_news_that_come_together_are_one_look():
    def check(jobs, api, keys, watch):
        assert len(keys) == 1 and len(jobs) == 50

    watched([[[raws.job(f"j{n}", str(n)) for n in range(50)]]], [], check)


def test_silence_is_what_was_not_heard():
    def check(jobs, api, keys, watch):
        assert 55 < watch.silence() < 60  # the bookmark after 1 s was the last

    watched([[[]]], [[bookmark("101"), SILENCE]], check, seconds=1000)


def test_a_stream_that_the_server_ends_as_agreed_is_no_silence():
    def check(jobs, api, keys, watch):
        assert watch.silence() < 2

    watched([[[]]], [[bookmark("101"), END]] * 1000, check)


def test_a_job_of_somebody_else_with_our_label_is_passed_over():
    orphan = raws.job("a", "1")
    orphan["metadata"]["ownerReferences"] = [{"kind": "CronJob", "uid": "x", "controller": True}]
    watched([[[orphan]]], [], lambda jobs, api, keys, watch: (len(jobs), keys) == (0, []) or fail())


def fail():
    raise AssertionError("it is kept")


def caches():
    queue = Queue()
    jobs = Jobs(queue)
    return jobs, Pods(queue, jobs), Workloads(queue, jobs)


def test_ended_pods_are_kept_while_their_job_is_here_and_no_longer():
    async def main():
        jobs, pods, _ = caches()
        pods.put(raws.pod("early", "p0", phase="Failed"))
        assert pods.of("run-1") == []  # its Job is not known to go on
        jobs.put(raws.job())
        pods.put(raws.pod("ended", "p1", phase="Failed"))
        pods.put(raws.pod("runs", "p2"))
        assert [p.name for p in pods.of("run-1")] == ["ended", "runs"]
        jobs.put(raws.job(finished="Failed"))
        pods.release("run-1")
        assert [p.name for p in pods.of("run-1")] == ["ended", "runs"]
        jobs.release("run-1", but=None)
        pods.release("run-1")
        assert [p.name for p in pods.of("run-1")] == ["runs"]

    run(main())


def test_lists_of_one_namespace_say_nothing_of_another():
    async def main():
        jobs, _, _ = caches()
        elsewhere = raws.job("b", "2")
        elsewhere["metadata"]["namespace"] = "elsewhere"
        jobs.put(raws.job("a", "1"))
        jobs.put(elsewhere)
        jobs.keep(set(), "ns")
        assert [j.name for j in jobs.of("run-1")] == ["b"]
        jobs.keep(set(), None)
        assert len(jobs) == 0 and jobs.of("run-1") == []

    run(main())


def workload(uid, job):
    owner = {"kind": "Job", "uid": job, "controller": True}
    return {"metadata": {"uid": uid, "namespace": "ns", "name": uid, "ownerReferences": [owner]}}


def test_workloads_of_other_jobs_are_passed_over_and_old_ones_go():
    async def main():
        jobs, _, workloads = caches()
        workloads.put(workload("w0", "job-of-another-team"))
        jobs.put(raws.job())
        workloads.put(workload("w1", "job-1"))
        assert len(workloads) == 1 and workloads.of("job-1")
        jobs.drop(raws.job())
        workloads.prune()
        assert len(workloads) == 0

    run(main())


def test_the_caches_hold_only_what_they_show():
    """No list of uids, no key, no timer is left of what is gone."""

    async def main():
        jobs, pods, workloads = caches()
        for n in range(20):
            jobs.put(raws.job(f"j{n}", f"job-{n}", owner=f"run-{n}"))
            pods.put(raws.pod(f"p{n}", f"pod-{n}", job=f"job-{n}", run_uid=f"run-{n}"))
            workloads.put(workload(f"w{n}", f"job-{n}"))
        for cache in (pods, workloads, jobs):
            assert len(cache) == 20
            cache.keep(set(), None)
            assert not cache._entries and not cache._groups

    run(main())
