"""A real node: containerd and the kubelet, in a mount namespace and control groups of their own.

The mount namespace keeps every mount, and the folders with fixed names (/run/containerd, /var/lib/kubelet, …), out of
the machine's sight; the kernel drops it with its last process. So nothing is left, however the node ends.
"""

import json
import time
from pathlib import Path

from cluster import cgroups, network
from cluster.binaries import binary
from cluster.containerd import Containerd
from cluster.control_plane import ControlPlane
from cluster.places import Slot, cache
from cluster.process import Process, listens

NAME = "gpu-node"
KUBELET_PORT = 10250

# Folders that containerd, the kubelet and CNI plugins have no setting for.
_FIXED = ["/run/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/containers"]


class Node:
    """The cluster's one node. It says it has `gpus` GPUs; nothing checks that."""

    def __init__(self, slot: Slot, plane: ControlPlane, *, registry_url: str, gpus: int) -> None:
        self.slot, self.plane, self.gpus = slot, plane, gpus
        self.folder = slot.folder / "node"
        self.folder.mkdir(parents=True)
        self._daemons = cgroups.create(slot.cgroup)
        self._namespace = self._mount_namespace()
        self._namespace.start()
        self._namespace.wait_until((self.folder / "mounted").exists)
        self._inside = ["nsenter", f"--mount=/proc/{self._namespace.pid}/ns/mnt", "--"]
        cni = self.folder / "cni"
        network.write_cni(slot, cni)
        self.containerd = Containerd(
            self.folder, cache("nodes", str(slot.number)), cni=cni, registry_url=registry_url,
            prefix=self._inside, cgroups=[self._daemons],
        )  # fmt: skip
        self.kubelet = self._kubelet()

    def start(self) -> None:
        """Start containerd and the kubelet; returns when the node is ready and has its GPUs."""
        self.containerd.start()
        self.start_kubelet()

    def start_kubelet(self) -> None:
        self.kubelet.start()
        self.kubelet.wait_until(lambda: listens(self.slot.gateway, KUBELET_PORT))
        self.plane.kubectl("wait", "--for=create", f"node/{NAME}", "--timeout=60s")
        self.plane.kubectl("wait", "--for=condition=Ready", f"node/{NAME}", "--timeout=120s")
        self.advertise_gpus()

    def stop_kubelet(self) -> None:
        """The node goes deaf; its containers go on."""
        self.kubelet.stop()

    def advertise_gpus(self, seconds: float = 60) -> None:
        """Write the GPUs into the node's status until they stay: a kubelet that has just started sets them to 0."""
        wanted = str(self.gpus)
        patch = [
            {"op": "add", "path": f"/status/{where}/nvidia.com~1gpu", "value": wanted}
            for where in ("capacity", "allocatable")
        ]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.plane.kubectl("patch", "node", NAME, "--subresource=status", "--type=json", f"-p={json.dumps(patch)}")
            time.sleep(0.5)
            status = json.loads(self.plane.kubectl("get", "node", NAME, "-o", "json"))["status"]
            if all(status[where].get("nvidia.com/gpu") == wanted for where in ("capacity", "allocatable")):
                return
        raise RuntimeError("the node does not keep its GPUs")

    def stop(self) -> None:
        """End everything on the node. Its unpacked images stay in the cache."""
        self.kubelet.stop(5)
        if self.containerd.process.running:
            self.containerd.forget_containers()
        self.containerd.stop()
        sweep(self.slot)
        self._namespace.kill()

    def _mount_namespace(self) -> Process:
        """A process that only keeps the mount namespace, with the fixed folders moved into ours."""
        script = ["set -e"]
        for number, fixed in enumerate(_FIXED):
            Path(fixed).mkdir(parents=True, exist_ok=True)
            own = self.folder / "fixed" / str(number)
            own.mkdir(parents=True)
            script.append(f"mount --bind '{own}' '{fixed}'")
        script += [f"touch '{self.folder / 'mounted'}'", "exec sleep infinity"]
        # Private: nothing that is mounted here is seen outside.
        command = ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(script)]
        return Process("mounts", command, self.folder / "mounts.log", cgroups=[self._daemons])

    def _kubelet(self) -> Process:
        pki, folder = self.plane.pki, self.folder
        pki.sign("kubelet", NAME, hosts=[NAME, self.slot.gateway])
        (folder / "resolv.conf").write_text(f"nameserver {self.slot.gateway}\n")
        config = {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.slot.gateway,
            "port": KUBELET_PORT,
            "healthzPort": 0,
            "tlsCertFile": str(pki.path("kubelet.crt")),
            "tlsPrivateKeyFile": str(pki.path("kubelet.key")),
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki.path("ca.crt"))},
            },
            "authorization": {"mode": "Webhook"},
            "containerRuntimeEndpoint": f"unix://{self.containerd.socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{self.slot.cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": [],
            "makeIPTablesUtilChains": False,
            "clusterDNS": [self.slot.gateway],
            "clusterDomain": "cluster.local",
            "resolvConf": str(folder / "resolv.conf"),
            "podLogsDir": str(folder / "pod-logs"),
            "volumePluginDir": str(folder / "volume-plugins"),
            # Images are kept by us (images.py), and a full disk is the contributor's, not the node's.
            "imageGCHighThresholdPercent": 100,
            "imageGCLowThresholdPercent": 99,
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        }
        (folder / "kubelet.json").write_text(json.dumps(config, indent=1))
        kubeconfig = pki.kubeconfig(f"system:node:{NAME}", self.plane.server)
        command = [*self._inside, str(binary("kubelet")), f"--config={folder / 'kubelet.json'}"]
        command += [f"--kubeconfig={kubeconfig}", f"--root-dir={folder / 'kubelet'}", f"--cert-dir={folder / 'certs'}"]
        command += [f"--hostname-override={NAME}", f"--node-ip={self.slot.gateway}"]
        return Process("kubelet", command, folder / "kubelet.log", cgroups=[self._daemons])


def sweep(slot: Slot) -> None:
    """End what runs in a slot's control groups and remove its network: after a node, or after a crash of one."""
    cgroups.kill(slot.cgroup)
    cgroups.remove(slot.cgroup)
    network.remove(slot)
