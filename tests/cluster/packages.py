"""The Debian packages a node is made of; installed where they are missing."""

import os
import shutil
import sys

from cluster.places import cache, locked
from cluster.process import run
from cluster.say import say

# package -> a program of it
NODE = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "/usr/lib/cni/bridge",
    "iproute2": "ip",
    "util-linux": "setpriv",
    "mount": "umount",
    "buildah": "buildah",
    "debootstrap": "debootstrap",
    "iptables": "iptables",
    "ipset": "ipset",
}


def why_no_node() -> str | None:
    """Why this machine cannot have a node of the tests' own, in a word; None where it can."""
    if not sys.platform.startswith("linux"):
        return "a node needs Linux"
    if os.getuid() != 0:
        return "a node needs root"
    if _missing() and not shutil.which("apt-get"):
        return f"a node needs {', '.join(_missing())}, and there is no apt-get to install them with"
    return None


def install() -> None:
    """Install what is missing of NODE. Of two sessions one waits for the other: apt-get itself would give up."""
    with locked(cache() / "packages.lock"):
        if missing := _missing():
            quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            say(f"installing {', '.join(missing)} with apt-get")
            run("apt-get", "update", "-qq", env=quiet)
            run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing, env=quiet, timeout=1200)


def _missing() -> list[str]:
    # The usual path of a user may lack the places of an administrator's programs.
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    return [package for package, program in NODE.items() if not shutil.which(program, path=path)]
