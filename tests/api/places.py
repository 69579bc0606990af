"""Namespaces in which a run's Jobs are tried out on a real API server."""

import json
import uuid
from dataclasses import dataclass, replace

from cluster.access import Access
from unit.operator import specs

from thinksafe_operator.state import Run


@dataclass(frozen=True)
class Place:
    """A namespace for restricted pods, with what admission looks for: a service account, a class of each kind."""

    server: Access
    namespace: str

    def run(self, name: str = "qwen3", **fields) -> Run:
        return replace(specs.run(name, **fields), namespace=self.namespace)

    def create(self, objects: list[dict], *flags: str) -> list[str]:
        """The names of what the API server makes. RuntimeError with its words if it refuses or warns."""
        return self.server.kubectl(
            "create", "--validate=strict", "--warnings-as-errors", "-o", "name", *flags, "-f", "-",
            input=json.dumps(_list(objects)),
        ).splitlines()  # fmt: skip

    def would_create(self, objects: list[dict]) -> list[str]:
        return self.create(objects, "--dry-run=server")


def new_place(server: Access) -> Place:
    namespace = f"jobs-{uuid.uuid4().hex[:8]}"
    level = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": level}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": namespace}},
        {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": {"name": "nvidia"}, "handler": "nvidia"},
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000},
    ]
    server.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(_list(objects)))
    return Place(server, namespace)


def _list(objects: list[dict]) -> dict:
    return {"apiVersion": "v1", "kind": "List", "items": objects}
