"""The network of one node: a bridge with the node's address, and a CNI configuration that plugs pods into it.

The bridge also carries the cluster IP of the service `kubernetes`, and the API server listens there: pods reach it as
in any cluster, with no kube-proxy and not one iptables rule. Other services have names (dns.py) but no cluster IP that
works: make them headless. Pods reach each other and this machine, not the internet.
"""

import json
from pathlib import Path

from cluster.places import Slot
from cluster.process import run

CNI_PLUGINS = Path("/usr/lib/cni")


def create(slot: Slot) -> None:
    """Make the bridge."""
    # A fixed hardware address: otherwise the bridge takes the one of the pod that came first, and loses it with it.
    hardware = f"0a:77:00:00:00:{slot.number:02x}"
    run("ip", "link", "add", slot.bridge, "address", hardware, "type", "bridge")
    run("ip", "address", "add", f"{slot.gateway}/24", "dev", slot.bridge)
    run("ip", "address", "add", f"{slot.api}/32", "dev", slot.bridge)
    run("ip", "link", "set", slot.bridge, "up")


def remove(slot: Slot) -> None:
    """Remove the bridge, if it is there. The pods' ends went with their network namespaces."""
    run("ip", "link", "delete", slot.bridge, check=False)


def write_cni(slot: Slot, folder: Path) -> None:
    """The CNI configuration for containerd."""
    folder.mkdir(parents=True)
    bridge = {
        "type": "bridge",
        "bridge": slot.bridge,
        "isGateway": False,  # the bridge has its addresses already
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": slot.pods, "gateway": slot.gateway, "rangeStart": _first_pod(slot)}]],
            "routes": [{"dst": "0.0.0.0/0"}],
        },
    }
    network = {"cniVersion": "0.4.0", "name": slot.bridge, "plugins": [bridge, {"type": "loopback"}]}
    (folder / "10-pods.conflist").write_text(json.dumps(network))


def _first_pod(slot: Slot) -> str:
    return slot.gateway.rpartition(".")[0] + ".10"
