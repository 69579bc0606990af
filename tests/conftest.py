"""For all tests: which of them run beside each other, and the longest files first, so that none of these is left over.

And the fixtures of a real Kubernetes: here, so that all tests of a session share one.
"""

from pathlib import Path

import pytest
from cluster.fixtures import cluster, control_plane, controllers

__all__ = ["cluster", "control_plane", "controllers"]
LOOKS_BACK = "e2e/test_least_privilege.py"
END_TO_END = Path(__file__).parent / "e2e"


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files by the longest time-out one of their tests asks for; the order inside a file stays.

    One file looks back at what all the others did: it comes last. A file's tests share what they start, so one process
    runs them; and all of e2e/ shares a cluster.
    """
    longest: dict[str, float] = {}
    for item in items:
        marker = item.get_closest_marker("timeout")
        asked = float(marker.args[0]) if marker and marker.args else 0.0
        file = item.nodeid.partition("::")[0]
        longest[file] = max(longest.get(file, 0.0), asked)
    for item in items:
        group = END_TO_END if item.path.is_relative_to(END_TO_END) else item.path
        item.add_marker(pytest.mark.xdist_group(str(group)))
    items.sort(key=lambda item: (item.path.match(LOOKS_BACK), -longest[item.nodeid.partition("::")[0]]))
