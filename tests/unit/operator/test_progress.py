"""Who is asked for progress, how often, and what is done with the answer."""

import asyncio
import json
from dataclasses import replace

from unit.operator import raws
from unit.operator.fake_api import FakeApi
from unit.operator.virtual import now, run

from thinksafe_operator import progress
from thinksafe_operator.children import Jobs, Pods
from thinksafe_operator.progress import Heard, Poller
from thinksafe_operator.queue import Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.state import Progress

TOLD = Progress("responses-1", rows=5, total=10, chunks=1, tokens=90, seconds=2.0, device_seconds=2.0, updated=100.0)


def line(**more):
    return "thinksafe-progress " + json.dumps({**vars(TOLD), **more}) + "\n"


class Setup:
    """A poller over `count` running pods of each of these runs."""

    def __init__(self, *runs, count=1):
        self.api, self.queue, self.heard = FakeApi(), Queue(), Heard()
        self.pods = Pods(self.queue, Jobs(self.queue))
        for name in runs:
            for n in range(count):
                pod = raws.pod(f"{name}-{n}", f"{name}-{n}", run_uid=name, containerStatuses=[running()])
                self.pods.put(pod)
        self.poller = Poller(self.api, self.pods, self.heard, self.queue)  # pyright: ignore[reportArgumentType]

    def asked(self):
        return [pod for verb, pod in self.api.calls if verb == "log"]


def running():
    return raws.container(running={"startedAt": raws.BORN})


def test_one_pod_of_a_stage_is_asked_another_one_each_time():
    async def main():
        s = Setup("run-1", count=3)
        for _ in range(4):
            await s.poller.round()
        assert s.asked() == ["run-1-0", "run-1-1", "run-1-2", "run-1-0"]

    run(main())


def test_what_is_told_is_known_and_the_run_is_looked_at():
    async def main():
        s = Setup("run-1")
        await asyncio.sleep(1)
        s.api.logs["run-1-0"] = line()
        await s.poller.round()
        assert s.heard.of("run-1", "train") == TOLD and s.heard.of("run-1", "generate") is None
        assert len(s.queue) == 1
        s.queue._waiting.clear()
        await s.poller.round()
        assert len(s.queue) == 0  # nothing new

    run(main())


def test_an_older_word_of_a_worker_that_is_behind_is_no_news():
    heard = Heard()
    assert heard.put("r", "train", TOLD)
    assert not heard.put("r", "train", replace(TOLD, rows=1, updated=50.0))
    assert heard.of("r", "train") == TOLD
    assert heard.put("r", "evaluate", replace(TOLD, updated=50.0))  # another stage


def test_a_pod_that_has_no_log_or_no_progress_in_it_does_no_harm():
    async def main():
        s = Setup("run-1", "run-2", "run-3")
        s.api.logs |= {"run-1-0": ApiError(500, "InternalError", "node is away"), "run-2-0": "loading model\n"}
        s.api.logs["run-3-0"] = line()
        await s.poller.round()
        assert s.heard.of("run-3", "train") and not s.heard.of("run-1", "train") and not s.heard.of("run-2", "train")

    run(main())


def test_what_is_known_goes_with_the_pods():
    async def main():
        s = Setup("run-1")
        s.api.logs["run-1-0"] = line()
        await s.poller.round()
        s.pods.drop(raws.pod(uid="run-1-0"))
        await s.poller.round()
        assert s.heard.of("run-1", "train") is None

    run(main())


def test_not_too_many_are_asked_at_once_and_all_are_asked():
    async def main():
        s = Setup(*(f"run-{n}" for n in range(100)))
        at_once, most = 0, 0

        async def slow(namespace, pod, **_):
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(1)
            at_once -= 1
            s.api.calls.append(("log", pod))
            return ""

        s.api.log = slow
        await s.poller.round()
        assert most == progress.AT_ONCE and len(s.asked()) == 100

    run(main())


def test_it_asks_every_ten_seconds():
    async def main():
        s, times = Setup("run-1"), []

        async def log(namespace, pod, **_):
            times.append(now())
            await asyncio.sleep(3)
            return ""

        s.api.log = log
        task = asyncio.create_task(s.poller.run())
        await asyncio.sleep(35)
        assert times == [0, 10, 20, 30] and not task.done()

    run(main())
