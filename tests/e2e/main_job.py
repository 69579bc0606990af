"""The demo's manifest on the cluster, applied as it is and watched to its end."""

import time
from pathlib import Path

from cluster.access import ClusterAccess
from e2e.namespace import DEFAULT_STORAGE, Namespace

EXAMPLE = Path(__file__).parents[2] / "examples" / "tiny" / "run.yaml"
ENOUGH_SECONDS = 1500

# The finished run's namespace, and its statuses with the times at which they were seen.
Watched = tuple[Namespace, list[tuple[float, dict]]]


def watch(cluster: ClusterAccess) -> Watched:
    namespace = Namespace(cluster, "e2e-main", DEFAULT_STORAGE)
    namespace.create()
    namespace.apply(EXAMPLE)
    seen, end = list[tuple[float, dict]](), time.monotonic() + ENOUGH_SECONDS
    while time.monotonic() < end:
        status = namespace.status("tiny")
        seen.append((time.time(), status))
        if status.get("phase") in ("Succeeded", "GateFailed", "Failed"):
            break
        time.sleep(1)
    return namespace, seen
