"""A real Kubernetes as pytest fixtures: each started once in a session, when the first test asks for it.

    control_plane   an API server, nothing behind it (5 s): objects are checked and stored, nobody acts on them
    controllers     the same with the controller manager and the scheduler: Jobs make pods, which stay pending
    cluster         the whole: a node that runs pods, GPUs to schedule, S3, the images of worker and operator

With KUBECONFIG set that cluster is taken instead. Where none can be had, the test is skipped with a word of why.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cluster.access import Access, ClusterAccess


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest) -> "Iterator[Access]":
    """An API server: `.kubeconfig`, `.kubectl(...)`."""
    yield from _control_plane(request, controllers=False)


@pytest.fixture(scope="session")
def controllers(request: pytest.FixtureRequest) -> "Iterator[Access]":
    """An API server with controllers and a scheduler, without a node: `.kubeconfig`, `.kubectl(...)`."""
    yield from _control_plane(request, controllers=True)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> "Iterator[ClusterAccess]":
    """A whole cluster: `.kubeconfig`, `.kubectl(...)`, `.s3_endpoint`, `.worker_image`, … (access.py)."""
    from cluster import access, packages, whole
    from cluster.binaries import NotBuilt

    try:
        found = access.existing_cluster()
    except KeyError as missing:
        pytest.skip(f"KUBECONFIG is set, but {missing} is not: set all that `make cluster-up` prints")
    if found:
        yield found
        return
    if why := packages.why_no_node():
        pytest.skip(f"no cluster: {why}; KUBECONFIG can name one")
    running = whole.running()
    with aloud(request):
        try:
            access_to_it = running.__enter__()
        except NotBuilt as why_not:
            pytest.skip(f"no cluster: {why_not}")
    try:
        yield access_to_it
    finally:
        running.__exit__(None, None, None)


def _control_plane(request: pytest.FixtureRequest, *, controllers: bool) -> "Iterator[Access]":
    from cluster import access, control_plane
    from cluster.binaries import NotBuilt

    if found := access.existing():
        yield found
        return
    if not sys.platform.startswith("linux"):
        pytest.skip("no control plane: it needs Linux; KUBECONFIG can name one")
    running = control_plane.running(controllers=controllers)
    with aloud(request):
        try:
            plane = running.__enter__()
        except NotBuilt as why_not:
            pytest.skip(f"no control plane: {why_not}; KUBECONFIG or KUBEBUILDER_ASSETS can name one")
    try:
        yield access.Access(plane.kubeconfig, plane=plane)
    finally:
        running.__exit__(None, None, None)


@contextmanager
def aloud(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the lines about slow steps through: a build of minutes must not look like a test that hangs."""
    capture: Any = request.config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    with capture.global_and_fixture_disabled():
        print(file=sys.stderr)
        yield
