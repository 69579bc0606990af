"""A small run that nothing happened to: what the disturbed ones are compared with, and what can be seen of one."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from cluster.access import ClusterAccess
from e2e import namespace as namespaces
from e2e.committed import Committed
from e2e.diary import Diary
from e2e.ledger import JobWatch, Ledger
from e2e.namespace import Namespace

from thinksafe_operator.parse import unix

NAME = "undisturbed"
ENDED = ("Succeeded", "GateFailed", "Failed")
STAGES = ("prepare", "generate", "filter", "train", "evaluate", "report")
_SECRETS = "find /var/run/secrets -type f 2>/dev/null | wc -l"


def many(namespace: Namespace, name: str, **spec: object) -> dict:
    """The small run in many small steps: there are many moments at which something is half done.

    A pod that is plainly deleted costs one of podRetries: there are enough of them. Without dropout, whose random
    numbers are a process's own, several processes train what one trains.
    """
    return namespace.small(
        name,
        **{
            "generation": {"chunkRows": 3},
            "training": {"checkpointEvery": 1, "epochs": 2, "dropout": 0.0, "batchSize": 4},
            "workers": {"podRetries": 10},
            **spec,
        },
    )


@dataclass(frozen=True)
class Undisturbed:
    """`pages`: its statuses and when each was seen first. `secrets`: what was found of them in a running worker."""

    namespace: Namespace
    pages: list[tuple[float, dict]]
    ledger: Ledger
    committed: Committed
    metrics_before: str
    metrics_after: str
    secrets: str

    @property
    def status(self) -> dict:
        return self.pages[-1][1]

    def seconds(self, stage: str) -> float:
        """How long a stage ran."""
        entry = next(s for s in self.status["stages"] if s["name"] == stage)
        return unix(entry["completionTime"]) - unix(entry["startTime"])

    def whole(self) -> float:
        return unix(self.status["completionTime"]) - unix(self.status["startTime"])

    def data(self) -> dict[str, str]:
        """Hashes of all data and of the adapter's weights: not of what tells times."""
        return data(self.committed)


def data(committed: Committed) -> dict[str, str]:
    ends = (".parquet", "/adapter_model.safetensors")
    return {key: digest for key, digest in committed.hashes.items() if key.endswith(ends)}


def scrape(cluster: ClusterAccess) -> str:
    """The metrics of the operator's pod."""
    pods = json.loads(cluster.kubectl("-n", "thinksafe-system", "get", "pods", "-o", "json"))["items"]
    (name,) = [p["metadata"]["name"] for p in pods if "deletionTimestamp" not in p["metadata"]]
    return cluster.kubectl("get", "--raw", f"/api/v1/namespaces/thinksafe-system/pods/{name}:8080/proxy/metrics")


@pytest.fixture(scope="session")
def undisturbed(installed: ClusterAccess, quiet: None) -> Iterator[Undisturbed]:
    """The finished run: made once for all tests that want one, with no other run beside it."""
    with ExitStack() as stack:
        namespace = stack.enter_context(namespaces.new(installed))
        diary = stack.enter_context(Diary(installed))
        key, before = (namespace.name, NAME), scrape(installed)
        with JobWatch(namespace) as ledger, Committed(namespace, namespace.storage) as committed:
            namespace.apply(many(namespace, NAME))
            diary.first(key, lambda s: _runs(s, "generate"), "generating", 900)
            secrets = _look_for_secrets(namespace, "generate")
            diary.first(key, lambda s: s.get("phase") in ENDED, "done", 1800)
        committed.look()
        pages = diary.statuses(key)
        yield Undisturbed(namespace, pages, ledger, committed, before, scrape(installed), secrets)


def _runs(status: dict, stage: str) -> bool:
    return any(s["name"] == stage and s["state"] == "Running" for s in status.get("stages", []))


def _look_for_secrets(namespace: Namespace, stage: str) -> str:
    pod = next(p for p in namespace.pods() if p["metadata"]["labels"]["thinksafe.dev/stage"] == stage)
    return namespace.kubectl("exec", pod["metadata"]["name"], "--", "sh", "-c", _SECRETS).strip()
