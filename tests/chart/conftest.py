"""The chart's tests need its tools, which may have to be built first (minutes, once)."""

from pathlib import Path

import pytest
from cluster.binaries import NotBuilt, binary
from cluster.fixtures import aloud

TOOLS = ("helm", "helm-docs", "kubeconform", "kube-score")
BUILD_SECONDS = 1800


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


@pytest.fixture(scope="session", autouse=True)
def tools(request: pytest.FixtureRequest) -> None:
    with aloud(request):
        for tool in TOOLS:
            try:
                binary(tool)
            except NotBuilt as why:
                pytest.skip(f"no {tool}: {why}")
