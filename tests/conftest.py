"""For all tests: which of them run beside each other, and the longest files first, so that none of these is left over.

And the fixtures of a real Kubernetes: here, so that all tests of a session share one.
"""

from pathlib import Path
from typing import Any

import pytest
import xdist.scheduler
from cluster.fixtures import cluster, control_plane, controllers

__all__ = ["cluster", "control_plane", "controllers"]
LOOKS_BACK = "e2e/test_least_privilege.py"


class Sharing(xdist.scheduler.LoadScopeScheduling):
    """Hands out to processes what shares something that it starts: a file, and all of e2e/, which shares a cluster."""

    def _split_scope(self, nodeid: str) -> str:
        file = Path(nodeid.partition("::")[0])
        return "e2e" if file.parent.name == "e2e" else str(file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Sharing | None:
    """With `--dist loadfile`. Not `loadgroup`, which has no effect in xdist 3.8 with pytest 9.2."""
    return Sharing(config, log) if config.getoption("dist") == "loadfile" else None


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
