"""An API server that knows ThinkSafeRuns; nothing acts on them."""

import os
from collections.abc import Iterator

import pytest
from cluster.crds import install_crds

from api.runs import Experiments, Runs


@pytest.fixture(scope="session")
def runs(control_plane) -> Iterator[Runs]:
    """The runs of a namespace of these tests' own."""
    install_crds(control_plane)
    namespace = f"thinksafe-api-{os.urandom(4).hex()}"
    control_plane.kubectl("create", "namespace", namespace)
    yield Runs(control_plane.kubeconfig, namespace)
    control_plane.kubectl("delete", "thinksaferuns", "--all", "-n", namespace)
    control_plane.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="session")
def experiments(runs: Runs) -> Experiments:
    """The experiments of the same namespace."""
    return Experiments(runs.kubeconfig, runs.namespace)
