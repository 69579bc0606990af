"""A namespace of a real API server as a GitOps tool uses it: apply what Git has, ask whether that is what is there."""

import json
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path

import yaml
from cluster.access import Access
from cluster.binaries import binary

WAYS = {"client-side": (), "server-side": ("--server-side", "--field-manager=gitops")}


@dataclass(frozen=True)
class Place:
    """`apply` and `diff` take the objects of Git and the flags of a way to apply them (WAYS)."""

    access: Access
    namespace: str

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        return self.access.kubectl("-n", self.namespace, *args, input=input, check=check)

    def apply(self, *objects: dict, way: tuple[str, ...] = ()) -> None:
        self.kubectl("apply", *way, "-f", "-", input=yaml.safe_dump_all(objects))

    def diff(self, *objects: dict, way: tuple[str, ...] = ()) -> str:
        """What `kubectl diff` prints: nothing, if the cluster is what Git says."""
        command = [binary("kubectl"), f"--kubeconfig={self.access.kubeconfig}", "-n", self.namespace, "diff", *way]
        text = yaml.safe_dump_all(objects)
        done = subprocess.run([*map(str, command), "-f", "-"], input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        assert (done.returncode == 1) == bool(done.stdout)
        return done.stdout

    def get(self, name: str) -> dict:
        return json.loads(self.kubectl("get", "thinksaferun", name, "-o", "json"))

    def jobs(self) -> dict[str, str]:
        """Name -> stage of every Job there is."""
        found = json.loads(self.kubectl("get", "jobs", "-o", "json"))["items"]
        return {job["metadata"]["name"]: job["metadata"]["labels"]["thinksafe.dev/stage"] for job in found}

    def wait_for_ready(self, name: str) -> None:
        self.kubectl("wait", "--for=condition=Ready", f"thinksaferun/{name}", "--timeout=120s")


def new_place(access: Access) -> Place:
    """In a control plane without controllers nobody deletes a namespace: it stays."""
    name = f"gitops-{uuid.uuid4().hex[:8]}"
    access.kubectl("create", "namespace", name)
    return Place(access, name)


def manifest(path: Path) -> dict:
    """As Git has it, but for the namespace."""
    document = yaml.safe_load(path.read_text())
    document["metadata"].pop("namespace", None)
    return document
