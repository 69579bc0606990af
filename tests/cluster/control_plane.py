"""etcd and the API server; with controllers also the controller manager and the scheduler.

Each is a Process with a name of its own here, so that a test can stop, kill and start it; all data stays.
"""

import shutil
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cluster import audit
from cluster.binaries import binary
from cluster.pki import Pki
from cluster.places import locked, temporary, try_lock
from cluster.process import Process, free_port, run


@dataclass(frozen=True)
class Addresses:
    """Where the API server listens, and the range of its services' addresses (no one routes them but `kubernetes`)."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: a free one
    services: str = "10.78.255.0/24"


class ControlPlane:
    """A control plane in a folder of its own. `start` returns when the API server is ready (about 4 s).

    `audit` is the API server's log of what an operator of ours called (audit.py).
    """

    def __init__(self, folder: Path, addresses: Addresses = Addresses(), *, controllers: bool = False) -> None:
        self.folder, self.addresses, self.controllers = folder, addresses, controllers
        self.logs = folder / "logs"
        self.logs.mkdir(parents=True)
        self.port = addresses.port or free_port()
        self.audit = folder / "audit.log"
        self.server = f"https://{addresses.host}:{self.port}"
        self.pki = Pki(folder / "pki")
        self.kubeconfig = self.pki.kubeconfig("admin", self.server)
        self.etcd = self._etcd()
        self.apiserver = self._apiserver()
        self.controller_manager = self._controller_manager()
        self.scheduler = self._scheduler()

    def start(self) -> None:
        self.start_etcd()
        self.start_apiserver()
        if self.controllers:
            self.start_controllers()

    def start_etcd(self) -> None:
        self.etcd.start()
        self.etcd.wait_until(lambda: _answers(f"{self._etcd_url}/readyz"))

    def start_apiserver(self) -> None:
        self.apiserver.start()
        self.apiserver.wait_until(self.ready)

    def start_controllers(self) -> None:
        """The controller manager and the scheduler; pods can be made once the namespace has its service account."""
        self.controller_manager.start()
        self.scheduler.start()
        end = time.monotonic() + 60
        while self.kubectl("get", "serviceaccounts", "-n", "default", "-o", "name").strip() == "":
            if time.monotonic() > end:
                raise RuntimeError(f"the controller manager does not work:\n{self.controller_manager.tail()}")
            time.sleep(0.2)

    def restart_etcd(self) -> None:
        """A crash of etcd, and its return with its data."""
        self.etcd.kill()
        self.start_etcd()

    def restart_apiserver(self) -> None:
        """A crash of the API server, and its return on the same address."""
        self.apiserver.kill()
        self.start_apiserver()

    def stop(self) -> None:
        for process in (self.scheduler, self.controller_manager, self.apiserver, self.etcd):
            process.stop(5)

    def ready(self) -> bool:
        context = ssl.create_default_context(cafile=self.pki.path("ca.crt"))
        token = self.pki.tokens["admin"]
        return _answers(f"{self.server}/readyz", context=context, headers={"Authorization": f"Bearer {token}"})

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:
        """What kubectl prints, as the cluster's administrator; what it complains of, where it fails."""
        return run(binary("kubectl"), f"--kubeconfig={self.kubeconfig}", *args, input=input, check=check)

    def _process(self, name: str, *flags: str) -> Process:
        return Process(name, [binary(name), *flags], self.logs / f"{name}.log")

    def _etcd(self) -> Process:
        self._etcd_url, peers = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
        return self._process(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={self._etcd_url}", f"--advertise-client-urls={self._etcd_url}",
            f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}",
            f"--initial-cluster=default={peers}",
            "--unsafe-no-fsync", "--log-level=warn", "--quota-backend-bytes=4294967296",
        )  # fmt: skip

    def _apiserver(self) -> Process:
        pki, host = self.pki, self.addresses.host
        first_service = self.addresses.services.rpartition(".")[0] + ".1"
        names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        pki.sign("apiserver", "kube-apiserver", hosts=[*names, host, first_service])
        pki.sign("apiserver-to-kubelet", "apiserver", organisation="system:masters")
        return self._process(
            "kube-apiserver",
            f"--etcd-servers={self._etcd_url}",
            f"--bind-address={host}", f"--advertise-address={host}", f"--secure-port={self.port}",
            # The endpoint of `kubernetes` may not be a loopback address, and nobody asks for it (network.py).
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={self.addresses.services}",
            f"--tls-cert-file={pki.path('apiserver.crt')}", f"--tls-private-key-file={pki.path('apiserver.key')}",
            f"--token-auth-file={pki.write_tokens()}", "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki.path('service-accounts.pub')}",
            f"--service-account-signing-key-file={pki.path('service-accounts.key')}",
            f"--kubelet-client-certificate={pki.path('apiserver-to-kubelet.crt')}",
            f"--kubelet-client-key={pki.path('apiserver-to-kubelet.key')}",
            f"--kubelet-certificate-authority={pki.path('ca.crt')}",
            "--kubelet-preferred-address-types=InternalIP",
            "--allow-privileged=true", "--profiling=false",
            f"--audit-policy-file={audit.write_policy(self.folder)}", f"--audit-log-path={self.audit}",
            "--audit-log-maxsize=0",
        )  # fmt: skip

    def _controller_manager(self) -> Process:
        kubeconfig = self.pki.kubeconfig("system:kube-controller-manager", self.server)
        return self._process(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0",
            "--use-service-account-credentials", f"--root-ca-file={self.pki.path('ca.crt')}",
            f"--service-account-private-key-file={self.pki.path('service-accounts.key')}",
            "--kube-api-qps=200", "--kube-api-burst=400",  # thousands of Jobs in bench/
        )  # fmt: skip

    def _scheduler(self) -> Process:
        kubeconfig = self.pki.kubeconfig("system:kube-scheduler", self.server)
        return self._process("kube-scheduler", f"--kubeconfig={kubeconfig}", "--leader-elect=false", "--secure-port=0")


@contextmanager
def running(*, controllers: bool = False) -> Iterator[ControlPlane]:
    """A control plane on its own, on this machine's loopback address; it and its folder are gone afterwards."""
    with locked(temporary() / "control-planes.lock"):
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix="control-plane-", dir=temporary()))
        lock = try_lock(folder / "lock")
    plane = ControlPlane(folder, controllers=controllers)
    try:
        plane.start()
        yield plane
    finally:
        plane.stop()
        shutil.rmtree(folder, ignore_errors=True)
        if lock:
            lock.close()


def _sweep() -> None:
    """Remove the folders that a crash left. Their programs are gone: they end with who started them."""
    for old in temporary().glob("control-plane-*"):
        if lock := try_lock(old / "lock"):
            shutil.rmtree(old, ignore_errors=True)
            lock.close()


def _answers(url: str, *, context: ssl.SSLContext | None = None, headers: dict[str, str] | None = None) -> bool:
    no_proxy = urllib.request.ProxyHandler({})
    opener = urllib.request.build_opener(no_proxy, urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(urllib.request.Request(url, headers=headers or {}), timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False
