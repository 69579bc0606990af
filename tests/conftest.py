"""For all tests: the longest files first, so that with two workers none of them begins when the others are done.

And the fixtures of a real Kubernetes: here, so that all tests of a session share one.
"""

import pytest
from cluster.fixtures import cluster, control_plane, controllers

__all__ = ["cluster", "control_plane", "controllers"]
LOOKS_BACK = "e2e/test_least_privilege.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files by the longest time-out one of their tests asks for; the order inside a file stays.

    One file looks back at what all the others did: it comes last.
    """
    longest: dict[str, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        asked = float(marker.args[0]) if marker and marker.args else 0.0
        file = item.nodeid.partition("::")[0]
        longest[file] = max(longest.get(file, 0.0), asked)
    items.sort(key=lambda item: (item.path.match(LOOKS_BACK), -longest[item.nodeid.partition("::")[0]]))
