"""DNS for pods: names of services and of the pods behind headless ones, as multi-pod training needs them."""

from pathlib import Path

from cluster.binaries import binary
from cluster.process import Process, listens

_COREFILE = """cluster.local:53 {{
    bind {address}
    errors
    kubernetes cluster.local {{
        kubeconfig {kubeconfig}
        ttl 1
    }}
}}
.:53 {{
    bind {address}
    template ANY ANY {{
        rcode NXDOMAIN
    }}
}}
"""


class Dns:
    """CoreDNS on the node's address. Names outside of the cluster do not exist: no test may need the internet."""

    def __init__(self, folder: Path, address: str, kubeconfig: Path) -> None:
        self.address = address
        folder.mkdir(parents=True)
        corefile = folder / "Corefile"
        corefile.write_text(_COREFILE.format(address=address, kubeconfig=kubeconfig))
        self.process = Process("coredns", [binary("coredns"), "-conf", str(corefile)], folder / "log")

    def start(self) -> None:
        self.process.start()
        self.process.wait_until(lambda: listens(self.address, 53))

    def stop(self) -> None:
        self.process.stop(5)
