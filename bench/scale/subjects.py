"""The two operators that are measured: how each is installed and started, and what an object of it looks like."""

import base64
import json
import shutil
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml
from api.running_operator import install
from api.tiny import tiny_run
from cluster.binaries import binary
from cluster.crds import wait_until_served
from cluster.places import GO_MODULES
from cluster.process import Process, free_port, run
from prometheus_client.parser import text_string_to_metric_families

from bench.scale.plane import NAMESPACE, OURS, PEER, Audited
from thinksafe_operator.engine import WORKERS
from thinksafe_operator.resources import JOBS, PODS, RUNS, Resource

PEER_VERSION = "v1.8.1"
PEER_THREADS = WORKERS  # its default is 1
_MODULE = "github.com/kubeflow/training-operator"
# The peer's certificates are looked for here and nowhere else.
_CERTIFICATES = Path("/tmp/k8s-webhook-server/serving-certs")


@dataclass(frozen=True)
class Subject:
    """An operator at work. `child` is the kind of which it makes one for each object; `passes` its counter of them."""

    name: str
    user: str
    objects: Resource
    child: Resource
    manifest: Callable[[str], dict]
    process: Process
    metrics: str
    passes: tuple[str, dict[str, str]]

    def reconciles(self) -> float:
        """Passes since it was started, whatever their result."""
        name, labels = self.passes
        with urllib.request.urlopen(self.metrics, timeout=30) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        found = [s for f in families for s in f.samples if s.name == name and labels.items() <= s.labels.items()]
        return sum(sample.value for sample in found)


def start_ours(cluster: Audited, python: tuple[str, ...] = ()) -> Subject:
    """`python`: what is put before `-m thinksafe_operator`, such as a profiler's words."""
    folder, port = cluster.plane.folder, free_port()
    environment = {
        "KUBECONFIG": str(install(cluster.access, folder)),
        "THINKSAFE_WORKER_IMAGE": "worker",
        "THINKSAFE_PROBE_PORT": str(port),
    }
    command = [sys.executable, *python, "-m", "thinksafe_operator"]
    process = Process("thinksafe-operator", command, folder / "logs" / "ours.log", environment=environment)
    process.start()
    process.wait_until(lambda: _answers(f"http://127.0.0.1:{port}/readyz"))
    metrics = f"http://127.0.0.1:{port}/metrics"
    passes = ("thinksafe_reconciles_total", {})
    return Subject("ThinkSafeRun (ours)", OURS, RUNS, JOBS, _run, process, metrics, passes)


def start_peer(cluster: Audited) -> Subject:
    """With its own rights and defaults, but for three things, each in its favour: as many threads as ours has, the
    controller of PyTorchJobs only, and no call of its webhook when an object is made.
    """
    folder = cluster.plane.folder
    kubeconfig = _install_peer(cluster)
    metrics, probe, webhook = free_port(), free_port(), free_port()
    command = [
        str(binary("training-operator")),
        "--enable-scheme=pytorchjob",
        f"--controller-threads={PEER_THREADS}",
        f"--metrics-bind-address=127.0.0.1:{metrics}",
        f"--health-probe-bind-address=127.0.0.1:{probe}",
        f"--webhook-server-port={webhook}",
        "--zap-log-level=info",
    ]
    environment = {"KUBECONFIG": str(kubeconfig), "MY_POD_NAMESPACE": "kubeflow"}
    process = Process("training-operator", command, folder / "logs" / "peer.log", environment=environment)
    shutil.rmtree(_CERTIFICATES, ignore_errors=True)
    process.start()
    process.wait_until(lambda: _mount_certificates(cluster))
    process.wait_until(lambda: _answers(f"http://127.0.0.1:{probe}/readyz"), 120)
    labels = {"controller": "pytorchjob-controller"}
    subject = Subject(
        f"PyTorchJob (training-operator {PEER_VERSION})", PEER, Resource("kubeflow.org", "v1", "pytorchjobs"), PODS,
        _pytorch_job, process, f"http://127.0.0.1:{metrics}/metrics",
        ("controller_runtime_reconcile_total", labels),
    )  # fmt: skip
    # It is ready before its controllers are.
    time.sleep(5)
    return subject


def clear_up() -> None:
    """What lies outside of the control plane's folder."""
    shutil.rmtree(_CERTIFICATES.parent, ignore_errors=True)


def _run(name: str) -> dict:
    run = tiny_run(name)
    return {**run, "metadata": {**run["metadata"], "namespace": NAMESPACE}}


def _pytorch_job(name: str) -> dict:
    container = {"name": "pytorch", "image": "worker", "command": ["python", "train.py"]}
    worker = {"replicas": 1, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}
    return {
        "apiVersion": "kubeflow.org/v1",
        "kind": "PyTorchJob",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"pytorchReplicaSpecs": {"Worker": worker}},
    }


def _install_peer(cluster: Audited) -> Path:
    """Its definitions, its account and its rights, from its module; the kubeconfig with which it runs."""
    kubectl, base = cluster.plane.kubectl, _peer_source() / "manifests" / "base"
    crds = sorted((base / "crds").glob("kubeflow.org_*.yaml"))
    kubectl("apply", "--server-side", *(f"--filename={crd}" for crd in crds))
    wait_until_served(cluster.access, "/apis/kubeflow.org/v1/pytorchjobs")
    kubectl("create", "namespace", "kubeflow")
    rights = [o for f in sorted((base / "rbac").glob("*.yaml")) for o in yaml.safe_load_all(f.read_text()) if o]
    for item in rights:
        for subject in item.get("subjects", ()):
            subject["namespace"] = "kubeflow"
    # What its rotation of certificates insists on; no webhook in it, so that no call goes through one.
    webhooks = {
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "validator.training-operator.kubeflow.org"},
    }  # fmt: skip
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "training-operator-webhook-cert"}}
    objects = yaml.safe_dump_all([*rights, webhooks, secret])
    kubectl("apply", "--namespace=kubeflow", "--filename=-", input=objects)
    token = kubectl("create", "token", "training-operator", "--namespace=kubeflow", "--duration=6h").strip()
    config = json.loads(kubectl("config", "view", "--raw", "--minify", "--output=json"))
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    file = cluster.plane.folder / "peer.kubeconfig"
    file.write_text(json.dumps(config))
    return file


def _peer_source() -> Path:
    """Where Go keeps the module's files."""
    binary("training-operator")  # whoever builds it has the module
    go, folder = shutil.which("go") or "/usr/local/go/bin/go", GO_MODULES / "training-operator"
    run(go, "mod", "download", _MODULE, cwd=folder)
    return Path(run(go, "list", "-m", "-f", "{{.Dir}}", _MODULE, cwd=folder).strip())


def _mount_certificates(cluster: Audited) -> bool:
    """What the kubelet does with the secret that the peer fills at its start. Whether it is filled."""
    get = ("get", "secret", "training-operator-webhook-cert", "--namespace=kubeflow", "--output=json")
    data = json.loads(cluster.plane.kubectl(*get)).get("data") or {}
    if "tls.crt" not in data:
        return False
    _CERTIFICATES.mkdir(parents=True, exist_ok=True)
    for name, content in data.items():
        file = _CERTIFICATES / name
        file.touch(mode=0o600)
        file.write_bytes(base64.b64decode(content))
    return True


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
