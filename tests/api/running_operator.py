"""The operator as a process of its own, with the rights that its ClusterRole gives it and no others."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cluster.access import Access
from cluster.crds import install_crds
from cluster.helm import SYSTEM, template
from cluster.process import free_port


def install(access: Access, folder: Path) -> Path:
    """Definition, account and rights of the operator, as its chart has them; the kubeconfig with which it runs."""
    install_crds(access)
    system = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}
    chart = template(crds={"enabled": False}, tenancy={"enabled": False})
    rights = [o for o in chart if o["kind"] in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")]
    listed = {"apiVersion": "v1", "kind": "List", "items": [system, *rights]}
    access.kubectl("apply", "-f", "-", input=json.dumps(listed))
    return kubeconfig(access, folder)


def kubeconfig(access: Access, folder: Path) -> Path:
    """With this a process is the operator, where it is installed."""
    token = access.kubectl("create", "token", "thinksafe-operator", "-n", SYSTEM).strip()
    config = json.loads(access.kubectl("config", "view", "--raw", "--minify", "-o", "json"))
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    file = folder / "operator.kubeconfig"
    file.write_text(json.dumps(config))
    return file


class RunningOperator:
    """A context manager; what the process printed is in `log`."""

    def __init__(self, kubeconfig: Path, folder: Path, **environment: str) -> None:
        self.port, self.log = free_port(), folder / f"operator-{time.monotonic_ns()}.log"
        self._environment = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "THINKSAFE_WORKER_IMAGE": "worker",
            "THINKSAFE_STORAGE_URI": "s3://bucket/runs",
            "THINKSAFE_PROBE_PORT": str(self.port),
            **environment,
        }

    def __enter__(self) -> "RunningOperator":
        command = [sys.executable, "-m", "thinksafe_operator"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=self._environment, stderr=log, stdout=log)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def ask(self, path: str) -> tuple[int, str]:
        """HTTP code and text; code 0 if nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def wait_until_ready(self, seconds: float = 90.0) -> None:
        wait_until(lambda: self.process.poll() is not None or self.ask("/readyz")[0] == 200, seconds)
        assert self.process.poll() is None, self.log.read_text()[-2000:]

    def metric(self, name: str) -> float:
        """The value of one metric, labels included in the name; 0 if it is not there."""
        lines = [line.rpartition(" ") for line in self.ask("/metrics")[1].splitlines()]
        return next((float(value) for found, _, value in lines if found == name), 0.0)

    def memory_mib(self) -> float:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def wait_until(condition, seconds: float = 90.0, every: float = 0.1) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come true"
        time.sleep(every)
