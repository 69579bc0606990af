"""What a test or a contributor is given of a cluster: the same for one of ours and for one that exists already."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.binaries import binary
from cluster.process import run
from cluster.storage import KEYS, REGION

if TYPE_CHECKING:
    from cluster.control_plane import ControlPlane
    from cluster.whole import Cluster


@dataclass(frozen=True)
class Access:
    """An API server. `plane` is the one behind it, to be broken by tests, if it is ours."""

    kubeconfig: Path
    plane: "ControlPlane | None" = field(default=None, kw_only=True, repr=False)

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        """What kubectl prints, as the cluster's administrator; a RuntimeError with what it says, where it fails."""
        return run(binary("kubectl"), f"--kubeconfig={self.kubeconfig}", *args, input=input, check=check)


@dataclass(frozen=True)
class ClusterAccess(Access):
    """A whole cluster. `s3_endpoint` is the same from pods and from here; images are named as a pod names them.

    `own` holds its parts, to be stopped and started by tests, if it is ours.
    """

    s3_endpoint: str
    worker_image: str
    operator_image: str
    access_key: str = KEYS["aws_access_key_id"]
    secret_key: str = KEYS["aws_secret_access_key"]
    region: str = REGION
    own: "Cluster | None" = field(default=None, kw_only=True, repr=False)

    def s3(self):
        """A boto3 client of its S3 server."""
        import boto3

        return boto3.client(
            "s3", endpoint_url=self.s3_endpoint, region_name=self.region,
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """The same as environment variables: what `make cluster-up` prints and `attached` reads."""
        return {
            "KUBECONFIG": str(self.kubeconfig),
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "THINKSAFE_WORKER_IMAGE": self.worker_image,
            "THINKSAFE_OPERATOR_IMAGE": self.operator_image,
        }


def existing() -> Access | None:
    """The API server that KUBECONFIG names, if it does."""
    kubeconfig = os.environ.get("KUBECONFIG")
    return Access(Path(kubeconfig)) if kubeconfig else None


def existing_cluster() -> ClusterAccess | None:
    """The cluster that the environment names, as `make cluster-up` prints it; None without KUBECONFIG.

    A KeyError names the variable that is missing beside KUBECONFIG.
    """
    if not os.environ.get("KUBECONFIG"):
        return None
    return ClusterAccess(
        Path(os.environ["KUBECONFIG"]),
        os.environ["AWS_ENDPOINT_URL_S3"],
        os.environ["THINKSAFE_WORKER_IMAGE"],
        os.environ["THINKSAFE_OPERATOR_IMAGE"],
        os.environ["AWS_ACCESS_KEY_ID"],
        os.environ["AWS_SECRET_ACCESS_KEY"],
        os.environ.get("AWS_REGION", REGION),
    )
