"""Namespaces, and what their administrator gave them."""

import json

from api.runs import Runs
from cluster.access import Access

GIVEN = {
    "storage": "s3://bucket/team-a , file:///data/team-a/",
    "secrets": "s3, hf-token",
    "service-accounts": "trainer",
}
LONGEST = "s" * 253
MUCH = {
    "storage": ",".join([f"s3://other-{i}" for i in range(100)] + ["s3://bucket"]),
    "secrets": ",".join([f"{'a' * 240}{i}" for i in range(100)] + [LONGEST]),
    "service-accounts": LONGEST,
}
EVERYTHING = {"storage": "*", "secrets": "*", "service-accounts": "*", "pod-templates": "allowed"}


def namespace(access: Access, name: str, given: dict[str, str], **labels: str) -> Runs:
    """A new namespace whose administrator gave it this."""
    annotations = {f"thinksafe.dev/{kind}": names for kind, names in given.items()}
    metadata = {"name": name, "annotations": annotations, "labels": labels}
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    access.kubectl("apply", "-f", "-", input=json.dumps(made))
    return Runs(access.kubeconfig, name)
