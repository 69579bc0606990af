"""The operator on a real cluster: installed once, and a namespace of its own for each test or file."""

from collections.abc import Iterator

import pytest
from cluster.access import ClusterAccess
from e2e import release
from e2e.begun import begun, quiet, story_of_suspension, watched
from e2e.namespace import Namespace, new
from e2e.undisturbed import undisturbed

__all__ = ["begun", "quiet", "story_of_suspension", "undisturbed", "watched"]


@pytest.fixture(scope="session")
def installed(cluster: ClusterAccess) -> ClusterAccess:
    """The cluster with the chart on it, and a ready operator."""
    release.install(cluster)
    return cluster


@pytest.fixture
def namespace(installed: ClusterAccess) -> Iterator[Namespace]:
    """A new namespace with a place in the store and its credentials; deleted afterwards with all that is in it."""
    with new(installed) as made:
        yield made


@pytest.fixture(scope="module")
def place(installed: ClusterAccess) -> Iterator[Namespace]:
    """The same for all tests of a file."""
    with new(installed) as made:
        yield made
