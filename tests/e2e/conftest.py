"""The operator on a real cluster: installed once, and a namespace of its own for each test."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.access import ClusterAccess
from cluster.crds import install_crds
from e2e.namespace import BUCKET, DEFAULT_STORAGE, SECRET, Namespace, new
from e2e.undisturbed import undisturbed

__all__ = ["undisturbed"]

ROOT = Path(__file__).parents[2]
SYSTEM = "thinksafe-system"


@pytest.fixture(scope="session")
def installed(cluster: ClusterAccess) -> ClusterAccess:
    """The cluster with the CRD, a bucket, and a ready operator whose default storage that bucket is."""
    buckets = [b["Name"] for b in cluster.s3().list_buckets()["Buckets"]]
    if BUCKET not in buckets:
        cluster.s3().create_bucket(Bucket=BUCKET)
    install_crds(cluster)
    cluster.kubectl("apply", "-f", "-", input=operator_manifest(cluster))
    cluster.kubectl("-n", SYSTEM, "rollout", "status", "deployment/thinksafe-operator", "--timeout=180s")
    return cluster


def operator_manifest(cluster: ClusterAccess) -> str:
    """tests/e2e/operator.yaml with this cluster's images and storage."""
    text = (ROOT / "tests" / "e2e" / "operator.yaml").read_text()
    storage = {
        "THINKSAFE_STORAGE_URI": DEFAULT_STORAGE,
        "THINKSAFE_STORAGE_ENDPOINT": cluster.s3_endpoint,
        "THINKSAFE_STORAGE_REGION": cluster.region,
        "THINKSAFE_STORAGE_SECRET": SECRET,
    }
    lines = "".join(f"            - {json.dumps({'name': k, 'value': v})}\n" for k, v in storage.items())
    text = text.replace("          ports:\n", f"{lines}          ports:\n", 1)
    return text.replace("IMAGE-OF-OPERATOR", cluster.operator_image).replace("IMAGE-OF-WORKER", cluster.worker_image)


@pytest.fixture
def namespace(installed: ClusterAccess) -> Iterator[Namespace]:
    """A new namespace with a place in the store and its credentials; deleted afterwards with all that is in it."""
    with new(installed) as made:
        yield made
