"""The operator on a cluster, as its chart installs it: with the images and a place in the store of that cluster."""

from pathlib import Path

from cluster.access import ClusterAccess
from cluster.helm import CHART, RELEASE, SYSTEM, helm, values_for
from e2e.namespace import BUCKET, DEFAULT_STORAGE, SECRET, make_restricted

READY = ("--wait", "--timeout=180s")


def install(cluster: ClusterAccess, chart: Path = CHART) -> str:
    """Install the release, or make it what the chart says; what helm prints, once the operator is ready.

    The namespace admits restricted pods alone. A definition that was applied before becomes the release's.
    """
    if BUCKET not in [b["Name"] for b in cluster.s3().list_buckets()["Buckets"]]:
        cluster.s3().create_bucket(Bucket=BUCKET)
    make_restricted(cluster, SYSTEM, {})
    taken = ("--take-ownership", "--force-conflicts")
    return helm(
        "upgrade", "--install", RELEASE, chart, f"--namespace={SYSTEM}", *READY, *taken,
        access=cluster, values=values(cluster),
    )  # fmt: skip


def values(cluster: ClusterAccess) -> dict:
    """Of the chart, for this cluster."""
    return values_for(cluster, DEFAULT_STORAGE, SECRET)
