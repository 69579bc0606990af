"""The work queue: nothing twice, nothing lost, nothing at the same moment."""

import asyncio
from collections import Counter

import pytest
from unit.operator.virtual import now, run

from thinksafe_operator.queue import Queue

A, B = ("ns", "a"), ("ns", "b")


class Work:
    """A handler that takes `seconds`, and notes when it began what."""

    def __init__(self, seconds: float = 0.0, after: float | None = None, fail: int = 0) -> None:
        self.seconds, self.after, self.fail = seconds, after, fail
        self.began: list[tuple[float, tuple[str, str]]] = []
        self.at_once: Counter = Counter()
        self.most_at_once = 0

    async def __call__(self, key):
        self.began.append((round(now(), 3), key))
        self.at_once[key] += 1
        self.most_at_once = max(self.most_at_once, *self.at_once.values())
        try:
            await asyncio.sleep(self.seconds)
            if self.fail:
                self.fail -= 1
                raise RuntimeError("broken")
        finally:
            self.at_once[key] -= 1
        return self.after


def with_workers(test, *, workers=2, **settings):
    """Run `test(queue, start)` in virtual time; `start(work)` starts the workers and gives their tasks."""

    async def main():
        queue = Queue(dice=lambda: 0.0, **settings)
        tasks: list[asyncio.Task] = []

        def start(work):
            tasks.extend(asyncio.create_task(queue.work(work)) for _ in range(workers))
            return tasks

        await test(queue, start)
        assert not any(t.done() for t in tasks), "a worker has ended"

    run(main())


def test_a_key_added_many_times_is_worked_on_once():
    async def test(queue, start):
        work = Work()
        for _ in range(5):
            queue.add(A)
        assert len(queue) == 1
        start(work)
        await asyncio.sleep(1)
        assert work.began == [(0.0, A)]

    with_workers(test)


def test_a_key_added_while_at_work_is_done_again_and_never_by_two():
    async def test(queue, start):
        work = Work(seconds=1)
        start(work)
        queue.add(A)
        await asyncio.sleep(0.5)
        queue.add(A)
        queue.add(A)
        await asyncio.sleep(5)
        assert work.began == [(0.0, A), (1.0, A)]
        assert work.most_at_once == 1

    with_workers(test, workers=4)


def test_other_keys_do_not_wait_for_one_that_is_at_work():
    async def test(queue, start):
        work = Work(seconds=1)
        start(work)
        queue.add(A)
        queue.add(B)
        await asyncio.sleep(0.1)
        assert [k for _, k in work.began] == [A, B]

    with_workers(test)


def test_not_more_at_once_than_there_are_workers():
    async def test(queue, start):
        work = Work(seconds=1)
        start(work)
        for n in range(6):
            queue.add(("ns", str(n)))
        await asyncio.sleep(10)
        assert [at for at, _ in work.began] == [0, 0, 1, 1, 2, 2]

    with_workers(test, workers=2)


def test_of_two_appointments_the_earlier_is_kept():
    async def test(queue, start):
        work = Work()
        start(work)
        queue.add_later(A, 5)
        queue.add_later(A, 2)
        queue.add_later(A, 9)
        await asyncio.sleep(20)
        assert work.began == [(2.0, A)]

    with_workers(test)


def test_a_pass_replaces_the_appointment_made_before_it():
    async def test(queue, start):
        work = Work(after=10)
        start(work)
        queue.add_later(A, 3)
        queue.add(A)
        await asyncio.sleep(25)
        assert work.began == [(0.0, A), (10.0, A), (20.0, A)]

    with_workers(test)


def test_an_appointment_made_during_a_pass_is_kept():
    async def test(queue, start):
        work = Work(seconds=1, after=100)
        start(work)
        queue.add(A)
        await asyncio.sleep(0.5)
        queue.add_later(A, 2)
        await asyncio.sleep(10)
        assert work.began == [(0.0, A), (2.5, A)]

    with_workers(test)


def test_failures_pause_longer_and_longer_up_to_a_limit_and_success_forgets_them():
    async def test(queue, start):
        work = Work(fail=5)
        start(work)
        queue.add(A)
        await asyncio.sleep(60)
        assert [at for at, _ in work.began] == [0, 1, 3, 7, 12, 17]  # pauses 1 2 4 5 5, then it succeeds
        work.fail = 1
        queue.add(A)
        await asyncio.sleep(60)
        assert [at - 60 for at, _ in work.began[6:]] == [0, 1]

    with_workers(test, first_pause=1.0, longest_pause=5.0)


def test_jitter_is_added_to_the_pause():
    async def test(queue, start):
        work = Work(fail=1)
        queue._dice = lambda: 1.0
        start(work)
        queue.add(A)
        await asyncio.sleep(60)
        assert [at for at, _ in work.began] == [0, 12]

    with_workers(test, first_pause=10.0, jitter=0.2)


def test_what_the_server_asks_to_wait_is_waited():
    class Throttled(Exception):
        retry_after = 7.0

    async def test(queue, start):
        began = []

        async def work(key):
            began.append(now())
            if len(began) == 1:
                raise Throttled

        start(work)
        queue.add(A)
        await asyncio.sleep(60)
        assert began == [0, 7]

    with_workers(test, first_pause=0.5)


def test_a_forgotten_key_comes_back_only_when_added():
    async def test(queue, start):
        work = Work()
        start(work)
        queue.add_later(A, 5)
        queue.forget(A)
        await asyncio.sleep(60)
        assert work.began == []
        queue.add(A)
        await asyncio.sleep(1)
        assert len(work.began) == 1

    with_workers(test)


def test_the_longest_wait_is_that_of_the_first_in_line():
    async def test(queue, start):
        queue.add(A)
        await asyncio.sleep(3)
        queue.add(B)
        await asyncio.sleep(1)
        assert queue.longest_wait() == pytest.approx(4)
        start(Work(seconds=100))
        await asyncio.sleep(0)
        await asyncio.sleep(2)
        assert queue.longest_wait() == 0.0
        assert queue.longest_work() == pytest.approx(2)

    with_workers(test)
