"""An API server that knows ThinkSafeRuns; nothing acts on them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.runs import Runs

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def runs(control_plane) -> Iterator[Runs]:
    """The runs of a namespace of these tests' own."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", str(CRDS))
    namespace = f"thinksafe-api-{os.urandom(4).hex()}"
    control_plane.kubectl("create", "namespace", namespace)
    yield Runs(control_plane.kubeconfig, namespace)
    control_plane.kubectl("delete", "thinksaferuns", "--all", "-n", namespace)
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")
