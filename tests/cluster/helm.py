"""The chart of the operator as an administrator handles it: with helm, whose own files are not the user's."""

import json
import os
from pathlib import Path

import yaml

from cluster.access import Access, ClusterAccess
from cluster.binaries import binary
from cluster.places import REPOSITORY, cache
from cluster.process import run

CHART = REPOSITORY / "charts" / "thinksafe"
RELEASE, SYSTEM = "thinksafe", "thinksafe-system"  # as the chart's documentation has them


def helm(
    *args: str | Path, access: Access | None = None, values: dict | None = None, program: str = "helm"
) -> str:
    """What helm prints, as the cluster's administrator; a RuntimeError with what it says, where it fails.

    `program` is another version of it.
    """
    folder = cache(program)
    own = {f"HELM_{kind}_HOME": str(folder / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    where = [f"--kubeconfig={access.kubeconfig}"] if access else []
    given = ["--values=-"] if values is not None else []
    return run(
        binary(program), *args, *given, *where, env={**os.environ, **own}, input=json.dumps(values) if given else None
    )


def template(**values: object) -> list[dict]:
    """The objects of the chart with these values, as the release of the tests has them."""
    printed = helm("template", RELEASE, CHART, f"--namespace={SYSTEM}", values=values)
    return [one for one in yaml.safe_load_all(printed) if one]


def packaged(version: str, folder: Path) -> Path:
    """The same chart as another version of it."""
    helm("package", CHART, f"--version={version}", f"--app-version={version}", f"--destination={folder}")
    return folder / f"thinksafe-{version}.tgz"


def values_for(cluster: ClusterAccess, storage: str, secret: str) -> dict:
    """The chart's values for a cluster: its images, its S3 server, and the Secret that the runs' namespaces have."""
    return {
        "image": _image(cluster.operator_image),
        "worker": {"image": _image(cluster.worker_image)},
        "storage": {
            "uri": storage, "endpoint": cluster.s3_endpoint, "region": cluster.region, "secret": secret,
        },
    }  # fmt: skip


def _image(name: str) -> dict[str, str]:
    repository, _, digest = name.partition("@")
    if digest:
        return {"repository": repository, "digest": digest}
    repository, _, tag = name.rpartition(":")
    return {"repository": repository, "tag": tag}
