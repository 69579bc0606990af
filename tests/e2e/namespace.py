"""A namespace of the cluster as a test uses it: apply runs, wait for what they come to, look at what is left."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

import yaml
from cluster.access import ClusterAccess
from integration.runs import document

SECRET = "thinksafe-storage"
BUCKET = "thinksafe"
DEFAULT_STORAGE = f"s3://{BUCKET}/default"  # the operator's, for runs that name none
POLL_SECONDS = 1.0


@dataclass(frozen=True)
class Namespace:
    """`storage` is where the artifacts of its runs are: the operator's default, or one that its runs name."""

    cluster: ClusterAccess
    name: str
    storage: str

    def create(self, given: Mapping[str, str] = MappingProxyType({})) -> None:
        """`given`: what its runs may name beside what the operator says for all (docs/security.md)."""
        make_restricted(self.cluster, self.name, {f"thinksafe.dev/{kind}": names for kind, names in given.items()})
        keys = {"AWS_ACCESS_KEY_ID": self.cluster.access_key, "AWS_SECRET_ACCESS_KEY": self.cluster.secret_key}
        self.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}, "stringData": keys})

    def storage_spec(self) -> dict:
        """spec.storage of its runs."""
        where = {"endpoint": self.cluster.s3_endpoint, "region": self.cluster.region}
        return {"uri": self.storage, "credentialsSecret": SECRET, **where}

    # --- as a user does it ------------------------------------------------------------------------------------------

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        return self.cluster.kubectl("-n", self.name, *args, input=input, check=check)

    def apply(self, document: dict | Path) -> None:
        """`kubectl apply` of a file as it is, or of a document."""
        if isinstance(document, Path):
            self.kubectl("apply", "-f", str(document))
        else:
            self.kubectl("apply", "-f", "-", input=json.dumps(document))

    def apply_all(self, *documents: dict) -> None:
        self.apply({"apiVersion": "v1", "kind": "List", "items": list(documents)})

    def small(self, name: str, **spec: object) -> dict:
        """The small run of the tests (integration/runs.py) with other values, its artifacts in this namespace's place.

        One thread: then vLLM's CPU build gives a row the same bytes in any company (docs/determinism.md).
        """
        env = [{"name": "OMP_NUM_THREADS", "value": "1"}]
        changed = document(name, **{"storage": self.storage_spec(), **spec})
        workers = changed["spec"].setdefault("workers", {})
        workers["env"] = [*env, *workers.get("env", [])]
        return changed

    def patch(self, run: str, **spec: object) -> None:
        self.kubectl("patch", "thinksaferun", run, "--type=merge", "-p", json.dumps({"spec": spec}))

    # --- what there is ----------------------------------------------------------------------------------------------

    def run(self, name: str) -> dict:
        return json.loads(self.kubectl("get", "thinksaferun", name, "-o", "json"))

    def status(self, name: str) -> dict:
        return self.run(name).get("status", {})

    def condition(self, run: str, kind: str) -> dict:
        return next((c for c in self.status(run).get("conditions", []) if c["type"] == kind), {})

    def find(self, kinds: str, selector: str = "") -> list[dict]:
        arguments = ("-l", selector) if selector else ()
        return json.loads(self.kubectl("get", kinds, "-o", "json", *arguments))["items"]

    def jobs(self) -> list[dict]:
        return self.find("jobs", "app.kubernetes.io/managed-by=thinksafe-operator")

    def pods(self) -> list[dict]:
        return self.find("pods", "app.kubernetes.io/managed-by=thinksafe-operator")

    def children(self, run: str) -> list[str]:
        """Kind and name of everything that was made for a run and is still there."""
        found = self.find("jobs,pods,configmaps,services", f"thinksafe.dev/run={run}")
        return [f"{one['kind']}/{one['metadata']['name']}" for one in found]

    def wait_until_alone(self, *runs: str, seconds: float = 90) -> None:
        """Until nothing is left that was made for these runs. AssertionError, with what is, if it stays."""
        end = time.monotonic() + seconds
        while left := [child for run in runs for child in self.children(run)]:
            assert time.monotonic() < end, f"left after {seconds:.0f} s: {left}"
            time.sleep(POLL_SECONDS)

    def wait(self, run: str, until: Callable[[dict], bool], what: str, seconds: float = 120) -> dict:
        """The run's status, once `until` holds of it. AssertionError, with what the run says, if it never does."""
        end, status = time.monotonic() + seconds, {}
        while time.monotonic() < end:
            status = self.status(run)
            if until(status):
                return status
            time.sleep(POLL_SECONDS)
        told = json.dumps({k: status.get(k) for k in ("phase", "stage", "message", "stages")})
        raise AssertionError(f"{run} is not {what} after {seconds:.0f} s: {told[:3000]}")

    def wait_for_phase(self, run: str, *phases: str, seconds: float = 120) -> dict:
        return self.wait(run, lambda s: s.get("phase") in phases, " or ".join(phases), seconds)

    # --- the store --------------------------------------------------------------------------------------------------

    def objects(self, storage: str | None = None) -> dict[str, str]:
        """sha256 of every committed object of the store, by its key under it; not work in progress."""
        place = urlsplit(storage or self.storage)
        prefix, client = f"{place.path.strip('/')}/", self.cluster.s3()
        listing, found = client.get_paginator("list_objects_v2"), {}
        for page in listing.paginate(Bucket=place.netloc, Prefix=f"{prefix}artifacts/"):
            for entry in page.get("Contents", []):
                key = entry["Key"].removeprefix(prefix)
                if "work" not in key.split("/"):
                    body = client.get_object(Bucket=place.netloc, Key=entry["Key"])["Body"].read()
                    found[key] = hashlib.sha256(body).hexdigest()
        return found

    def document(self, uri: str) -> dict:
        place = urlsplit(uri)
        body = self.cluster.s3().get_object(Bucket=place.netloc, Key=place.path.strip("/"))["Body"].read()
        return yaml.safe_load(body)


def make_restricted(cluster: ClusterAccess, name: str, annotations: dict[str, str]) -> None:
    """A namespace that admits restricted pods alone."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(namespace))


@contextmanager
def new(cluster: ClusterAccess, given: Mapping[str, str] = MappingProxyType({})) -> Iterator[Namespace]:
    """A new namespace with a place in the store and its credentials; deleted afterwards with all that is in it.

    Its runs may name these, and what else is `given`.
    """
    name = f"e2e-{os.urandom(4).hex()}"
    made = Namespace(cluster, name, f"s3://{BUCKET}/{name}")
    made.create({"storage": made.storage, "secrets": SECRET, **given})
    try:
        yield made
    finally:
        made.kubectl("delete", "thinksaferuns", "--all", "--wait=false", check=False)
        cluster.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
