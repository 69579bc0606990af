"""What there is on a cluster: all of it, or what Helm made."""

import json

from cluster.access import Access

Name = tuple[str, str, str]  # kind, namespace, name
# What comes and goes by itself, and what the API server makes of a definition.
_PASSING = ("events", "events.events.k8s.io", "componentstatuses", "leases.coordination.k8s.io",
            "apiservices.apiregistration.k8s.io")  # fmt: skip


def everything(access: Access) -> dict[Name, dict]:
    """Every object of the cluster."""
    kinds = [k for k in access.kubectl("api-resources", "--verbs=list", "-o", "name").split() if k not in _PASSING]
    listed = json.loads(access.kubectl("get", ",".join(kinds), "--all-namespaces", "-o", "json"))["items"]
    return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in listed}


def of_release(access: Access, release: str) -> set[Name]:
    """What Helm made for a release, and what it keeps of it."""
    return {name for name, one in everything(access).items() if _is_of(one["metadata"], release)}


def _is_of(metadata: dict, release: str) -> bool:
    noted = metadata.get("annotations", {}).get("meta.helm.sh/release-name")
    return noted == release or metadata["name"].startswith(f"sh.helm.release.v1.{release}.")
