"""Alive means: it hears, and it works."""

import asyncio

import aiohttp
from unit.operator.virtual import run

from thinksafe_operator import health
from thinksafe_operator.health import Echo, Health
from thinksafe_operator.queue import Queue

A, B = ("ns", "a"), ("ns", "b")


def healthy(silences=None, queue=None):
    return Health(queue or Queue(), lambda: silences or {"jobs": 1.0}, silence=180, queued=600)


def test_all_is_well():
    async def main():
        assert healthy().problems() == []

    run(main())


def test_a_watch_that_was_not_heard_of_for_too_long():
    async def main():
        (problem,) = healthy({"jobs": 10, "pods": 181}).problems()
        assert "pods" in problem and "181" in problem

    run(main())


def test_a_run_that_waits_for_too_long():
    async def main():
        queue = Queue()
        queue.add(A)
        await asyncio.sleep(599)
        assert healthy(queue=queue).problems() == []
        await asyncio.sleep(2)
        assert len(healthy(queue=queue).problems()) == 1

    run(main())


def test_a_task_that_has_ended_for_whatever_reason():
    async def main():
        async def die():
            raise RuntimeError

        state = healthy()
        state.tasks = [asyncio.create_task(die(), name="worker 3"), asyncio.create_task(asyncio.sleep(1e6))]
        await asyncio.sleep(1)
        assert state.problems() == ["worker 3 has ended"]
        assert isinstance(state.tasks[0].exception(), RuntimeError)

    run(main())


def test_a_change_that_kopf_does_not_tell_of_becomes_silence():
    async def main():
        echo = Echo()
        assert echo.silence() == 0
        echo.expect(A, "10")
        await asyncio.sleep(5)
        echo.expect(B, "11")
        echo.expect(A, "12")  # a later change of the same run does not make the first one younger
        await asyncio.sleep(5)
        assert echo.silence() == 10
        assert not echo.told(A, "10")
        assert echo.silence() == 10
        assert not echo.told(A, "13")  # somebody else has changed it since
        assert echo.silence() == 5
        assert echo.told(B, "11")  # our own write
        assert not echo.told(B, "11")
        assert echo.silence() == 0

    run(main())


def test_what_was_told_before_it_was_expected_is_not_waited_for():
    async def main():
        echo = Echo()
        echo.told(A, "10")
        echo.expect(A, "9")
        echo.expect(A, "10")
        await asyncio.sleep(500)
        assert echo.silence() == 0 and echo.knows(A, "10") and not echo.knows(A, "11")

    run(main())


def test_nothing_is_waited_for_of_a_run_that_is_gone():
    async def main():
        echo = Echo()
        echo.expect(A, "10")
        echo.forget(A)
        await asyncio.sleep(500)
        assert echo.silence() == 0 and not echo._told and not echo._expected

    run(main())


def test_what_the_probes_see():
    silences = {"jobs": 1.0}

    async def ask(session, port, path):
        async with session.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.status, await response.text()

    async def main():
        state = healthy(silences)
        runner = await health.serve(state, 0)
        port = next(address[1] for address in runner.addresses if "." in address[0])
        async with aiohttp.ClientSession() as session:
            assert await ask(session, port, "/healthz") == (200, "ok")
            assert (await ask(session, port, "/readyz"))[0] == 503
            silences["jobs"], state.ready = 1e6, True
            status, said = await ask(session, port, "/healthz")
            assert status == 500 and "jobs" in said
            assert (await ask(session, port, "/readyz"))[0] == 200
            status, said = await ask(session, port, "/metrics")
            assert status == 200 and "thinksafe_reconciles_total" in said
        await runner.cleanup()

    asyncio.run(main())
