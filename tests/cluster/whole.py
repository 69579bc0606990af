"""The whole cluster: a control plane with controllers, a node, DNS, S3 and a registry, all on this machine."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from cluster import images, network, node, packages, registry, room
from cluster.access import ClusterAccess
from cluster.binaries import binary
from cluster.control_plane import Addresses, ControlPlane
from cluster.dns import Dns
from cluster.node import Node
from cluster.places import Slot, take_slot
from cluster.say import say
from cluster.storage import S3Server

GPUS = 8
S3_PORT = 9000
REGISTRY_PORT = 5000
# Built before anything is started, not in the middle of it.
_PROGRAMS = ("etcd", "kube-apiserver", "kubelet", "coredns", "versitygw", "registry", "pause")


class Cluster:
    """A cluster in one of the machine's slots. Its parts are there to be stopped and started by a test."""

    def __init__(self, slot: Slot, *, gpus: int = GPUS) -> None:
        self.slot = slot
        self.plane = ControlPlane(
            slot.folder / "control-plane", Addresses(slot.api, 443, slot.services), controllers=True
        )
        self.dns = Dns(slot.folder / "dns", slot.gateway, self.plane.pki.kubeconfig("coredns", self.plane.server))
        self.s3 = S3Server(slot.folder / "s3", slot.gateway, S3_PORT)
        self.registry = registry.Registry(
            slot.folder / "registry", images.registry_data(), slot.gateway, REGISTRY_PORT
        )
        url = f"http://{slot.gateway}:{REGISTRY_PORT}"
        self.node = Node(slot, self.plane, registry_url=url, gpus=gpus)

    def start(self) -> None:
        self.plane.start()
        self.dns.start()
        self.s3.start()
        self.registry.start()
        self.node.start()

    def stop(self) -> None:
        self.node.stop()
        for part in (self.registry, self.s3, self.dns, self.plane):
            part.stop()

    def pull(self, image: str) -> None:
        """Have the node pull an image now, so that no test waits for it; forgets images that are kept no more."""
        held = self.node.containerd.ctr("images", "list", "-q").split()
        for old in images.forget_unkept(held):
            self.node.containerd.ctr("images", "remove", old)
        if image in held:
            return
        room.make_room(20)
        say(f"the node pulls {image.rpartition('/')[2]}")
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "pull"},
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "pull", "image": image, "command": ["true"]}],
            },
        }
        self.plane.kubectl("apply", "-f", "-", input=json.dumps(pod))
        self.plane.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/pull", "--timeout=900s")
        self.plane.kubectl("delete", "pod", "pull", "--wait")


@contextmanager
def running(*, gpus: int = GPUS, with_images: bool = True) -> Iterator[ClusterAccess]:
    """A whole cluster; nothing of it is left afterwards but what is in the user's cache.

    `with_images=False` leaves out the images of worker and operator, for tests that need none.
    """
    packages.install()
    for name in _PROGRAMS:
        binary(name)
    worker = images.ensure(images.WORKER) if with_images else ""
    operator = images.ensure(images.OPERATOR) if with_images else ""
    slot = take_slot()
    cluster: Cluster | None = None
    try:
        _clean(slot)  # what a crash has left
        slot.folder.mkdir()
        (slot.folder / "images").write_text("\n".join(filter(None, (worker, operator))))  # images.py keeps these
        _tidy()
        network.create(slot)
        cluster = Cluster(slot, gpus=gpus)
        say("starting the cluster")
        cluster.start()
        for image in filter(None, (operator, worker)):
            cluster.pull(image)
        yield ClusterAccess(
            cluster.plane.kubeconfig, cluster.s3.endpoint, worker, operator, plane=cluster.plane, own=cluster
        )
    finally:
        if cluster:
            cluster.stop()
        _clean(slot)
        slot.release()
    _tidy()


def _tidy() -> None:
    """Free the disk of what no cluster needs any more."""
    room.tidy()
    images.tidy()


def _clean(slot: Slot) -> None:
    node.sweep(slot)
    shutil.rmtree(slot.folder, ignore_errors=True)
