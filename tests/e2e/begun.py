"""Long stories of runs, each looked at by a file of tests: they begin together, for one alone leaves a core idle."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack

import pytest
from cluster.access import ClusterAccess
from e2e import main_job, namespace, suspension


@pytest.fixture(scope="session")
def begun(request: pytest.FixtureRequest, installed: ClusterAccess) -> Iterator[dict[str, Future]]:
    """The stories that tests of this session ask for, by the names of their fixtures."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    with ExitStack() as stack:
        stories: dict[str, Callable[[], object]] = {
            "watched": lambda: main_job.watch(installed),
            "story_of_suspension": lambda: suspension.watch(stack.enter_context(namespace.new(installed))),
        }
        pool = ThreadPoolExecutor()
        stack.callback(pool.shutdown, wait=False)  # one that still goes on ends with the cluster
        yield {name: pool.submit(story) for name, story in stories.items() if name in asked}


@pytest.fixture(scope="session")
def watched(begun: dict[str, Future]) -> main_job.Watched:
    return begun["watched"].result()


@pytest.fixture(scope="session")
def story_of_suspension(begun: dict[str, Future]) -> suspension.Story:
    return begun["story_of_suspension"].result()


@pytest.fixture(scope="session")
def quiet(begun: dict[str, Future]) -> None:
    """The stories are over: what is measured from here on is not theirs."""
    wait(begun.values())
