"""Jobs for the tests of the images: as the operator makes them, in the strictest pod security there is."""

import json
import secrets
from typing import Any

from cluster.access import ClusterAccess


def namespace(cluster: ClusterAccess) -> str:
    """A new namespace that refuses every pod that is not restricted."""
    name = f"test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    create(cluster, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    return name


def create(cluster: ClusterAccess, *objects: dict) -> None:
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    cluster.kubectl("apply", "-f", "-", input=json.dumps(listed))


def pod_spec(image: str, args: list[str], *, command: list[str] | None = None, **spec: Any) -> dict:
    """A restricted pod: no root, nothing to write but /scratch and /tmp, no capabilities, no token."""
    container = {
        "name": "worker",
        "image": image,
        "args": args,
        "env": [{"name": "THINKSAFE_TERMINATION_LOG", "value": "/dev/termination-log"}],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}, {"name": "tmp", "mountPath": "/tmp"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    if command:
        container["command"] = command
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        "containers": [container],
        **spec,
    }


def job(name: str, where: str, pod: dict, *, completions: int = 1) -> dict:
    """An Indexed Job with the policy for a worker's exit codes."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": where},
        "spec": {
            "completionMode": "Indexed",
            "completions": completions,
            "parallelism": completions,
            "backoffLimitPerIndex": 1,
            "podFailurePolicy": {
                "rules": [
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                    {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [64, 77, 78]}},
                    {"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [65]}},
                ]
            },
            "template": {"spec": pod},
        },
    }


def finished(cluster: ClusterAccess, where: str, name: str, seconds: int = 240) -> tuple[str, str]:
    """How the Job ended: Complete or Failed, and the reason."""
    wanted = r"--for=jsonpath={.status.conditions[?(@.status=='True')].type}"
    cluster.kubectl("-n", where, "wait", "job", name, wanted, f"--timeout={seconds}s")
    for kind in ("Complete", "Failed"):
        cluster.kubectl("-n", where, "wait", "job", name, f"--for=condition={kind}", "--timeout=2s", check=False)
    status = json.loads(cluster.kubectl("-n", where, "get", "job", name, "-o", "json"))["status"]
    ended = [c for c in status["conditions"] if c["type"] in ("Complete", "Failed") and c["status"] == "True"]
    assert ended, status
    return ended[0]["type"], ended[0].get("reason", "")


def pods(cluster: ClusterAccess, where: str, name: str) -> list[dict]:
    return json.loads(cluster.kubectl("-n", where, "get", "pods", "-l", f"job-name={name}", "-o", "json"))["items"]


def last_words(pod: dict) -> str:
    """What the pod's container left in its termination log."""
    return pod["status"]["containerStatuses"][0]["state"]["terminated"].get("message", "")
