"""A control plane that writes down every call of the two operators; nothing is scheduled, as there is no node."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from cluster import control_plane
from cluster.access import Access
from cluster.control_plane import ControlPlane

NAMESPACE = "scale"
OURS = "system:serviceaccount:thinksafe-system:thinksafe-operator"
PEER = "system:serviceaccount:kubeflow:training-operator"

_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "Metadata", "users": [OURS, PEER]},
        {
            "level": "Metadata",
            "verbs": ["create"],
            "resources": [
                {"group": "thinksafe.dev", "resources": ["thinksaferuns"]},
                {"group": "kubeflow.org", "resources": ["pytorchjobs"]},
            ],
        },
        {"level": "None"},
    ],
}


@dataclass(frozen=True)
class Audited:
    """`audit` is the API server's own log, one JSON object a line."""

    plane: ControlPlane
    audit: Path

    @property
    def access(self) -> Access:
        return Access(self.plane.kubeconfig, plane=self.plane)


@contextmanager
def audited() -> Iterator[Audited]:
    """etcd, API server and controller manager; a namespace in which pods can be made."""
    with control_plane.running() as plane:
        policy, log = plane.folder / "audit-policy.yaml", plane.folder / "audit.log"
        policy.write_text(yaml.safe_dump(_POLICY))
        plane.apiserver.stop()
        plane.apiserver.command += [
            f"--audit-policy-file={policy}", f"--audit-log-path={log}", "--audit-log-maxsize=0",
            # Written in order and at once, or the log would lag behind what is measured.
            "--audit-log-mode=blocking",
        ]  # fmt: skip
        plane.start_apiserver()
        plane.controller_manager.start()
        plane.kubectl("create", "namespace", NAMESPACE)
        _wait_for_service_account(plane)
        yield Audited(plane, log)


def _wait_for_service_account(plane: ControlPlane) -> None:
    end = time.monotonic() + 60
    while not plane.kubectl("get", "serviceaccounts", "-n", NAMESPACE, "-o", "name").strip():
        if time.monotonic() > end:
            raise RuntimeError(f"the controller manager does not work:\n{plane.controller_manager.tail()}")
        time.sleep(0.2)
