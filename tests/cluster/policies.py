"""Network policies enforced: kube-router's firewall, and nothing else of it, beside a cluster of ours.

Its rules are in the machine's own tables, under names of its own, and concern the cluster's pods alone. They are
removed when it ends and, since a killed one leaves them behind, before it starts.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.binaries import binary
from cluster.node import NAME
from cluster.process import Process, run
from cluster.whole import Cluster

_OWN = re.compile(r"KUBE-(?:ROUTER|POD-FW|NWPLCY)-\S+")
_JUMPS = ("INPUT", "FORWARD", "OUTPUT")  # from where it is asked
# It lets everybody reach the addresses of services, since where it is used those are translated before it looks. Here
# the API server itself listens at one (network.py), so it is told another range, for tests of networks (RFC 2544).
_NO_SERVICES = "198.18.0.0/15"


@contextmanager
def enforced(cluster: Cluster, folder: Path) -> Iterator[Process]:
    """While it lasts, the cluster's pods reach, and are reached by, what their policies say."""
    remove()
    firewall = Process(
        "kube-router",
        [
            binary("kube-router"), "--run-firewall=true", "--run-router=false", "--run-service-proxy=false",
            f"--kubeconfig={cluster.plane.kubeconfig}", f"--hostname-override={NAME}", "--health-port=0",
            f"--service-cluster-ip-range={_NO_SERVICES}",
        ],
        folder / "kube-router.log",
    )  # fmt: skip
    firewall.start()
    try:
        firewall.wait_until(lambda: "KUBE-ROUTER-FORWARD" in run("iptables", "-S", "FORWARD"))
        yield firewall
    finally:
        firewall.stop()
        remove()


def remove() -> None:
    """Take away what it has made."""
    for chain in _JUMPS:
        for rule in run("iptables", "-S", chain).splitlines():
            if "-j KUBE-ROUTER-" in rule:
                run("iptables", "-D", chain, "-j", rule.split()[-1], *_comment(rule))
    chains = sorted({line.split()[1] for line in run("iptables", "-S").splitlines() if line.startswith("-N KUBE-")})
    chains = [name for name in chains if _OWN.fullmatch(name)]
    for command in ("-F", "-X"):
        for chain in chains:
            run("iptables", command, chain)
    for name in run("ipset", "list", "-n").split():
        if re.fullmatch(r"(?:inet6:)?KUBE-(?:SRC|DST)-\S+", name):
            run("ipset", "destroy", name)


def _comment(rule: str) -> list[str]:
    (text,) = re.findall(r'--comment "([^"]*)"', rule)
    return ["-m", "comment", "--comment", text]
