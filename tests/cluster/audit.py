"""What an operator called, as the API server wrote it down; what a role grants. Both as (group, resource, verb)."""

import json
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import yaml

OPERATOR = "system:serviceaccount:thinksafe-system:thinksafe-operator"


class Right(NamedTuple):
    """`resource` with its subresource: pods/log."""

    group: str
    resource: str
    verb: str


def write_policy(folder: Path) -> Path:
    """Every call of the operator, also one that goes on (a watch), and nobody else's."""
    rules = [{"level": "Metadata", "users": [OPERATOR]}, {"level": "None"}]
    policy = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    file = folder / "audit-policy.yaml"
    file.write_text(yaml.safe_dump(policy))
    return file


def called(log: Path, user: str = OPERATOR) -> dict[Right, set[int]]:
    """What was asked for, with the HTTP codes of the answers. Paths that are no resource (discovery) are left out."""
    found = defaultdict[Right, set[int]](set)
    for line in log.read_text().splitlines():
        event = json.loads(line)
        target = event.get("objectRef") or {}
        if event["user"]["username"] != user or "resource" not in target:
            continue
        resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
        right = Right(target.get("apiGroup", ""), resource, event["verb"])
        found[right].add(event["responseStatus"]["code"])
    return dict(found)


def denied(log: Path, user: str = OPERATOR) -> set[Right]:
    """What the API server did not authorize. Other 403s are no matter of rights: a quota, Pod Security, a namespace on
    its way out.
    """
    found = set[Right]()
    for line in log.read_text().splitlines():
        event = json.loads(line)
        decision = (event.get("annotations") or {}).get("authorization.k8s.io/decision")
        if event["user"]["username"] == user and decision == "forbid" and (target := event.get("objectRef")):
            resource = "/".join(filter(None, (target["resource"], target.get("subresource"))))
            found.add(Right(target.get("apiGroup", ""), resource, event["verb"]))
    return found


def granted(chart: list[dict], account: str = OPERATOR.rpartition(":")[2]) -> set[Right]:
    """What the roles in the chart's objects grant to a service account."""
    bindings = [o for o in chart if o["kind"] in ("ClusterRoleBinding", "RoleBinding")]
    bound = {b["roleRef"]["name"] for b in bindings if account in [s["name"] for s in b["subjects"]]}
    roles = [o for o in chart if o["kind"] in ("ClusterRole", "Role") and o["metadata"]["name"] in bound]
    return {
        Right(group, resource, verb)
        for rule in (rule for role in roles for rule in role["rules"])
        for group in rule["apiGroups"] for resource in rule["resources"] for verb in rule["verbs"]
    }  # fmt: skip
