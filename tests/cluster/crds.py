"""Definitions on a cluster, for every test that needs them: ours, and those of others whose part is played."""

import time
from typing import TYPE_CHECKING

from cluster.places import REPOSITORY

if TYPE_CHECKING:
    from cluster.access import Access

_OURS = ("thinksaferuns", "thinksafeexperiments")


def install_crds(access: "Access") -> None:
    """Apply crds/ and return once the API server serves what they define."""
    access.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(REPOSITORY / "crds"))
    for plural in _OURS:
        wait_until_served(access, f"/apis/thinksafe.dev/v1alpha1/{plural}")


def wait_until_served(access: "Access", path: str) -> None:
    """Return once the API server serves a new kind of object at `path`; RuntimeError after a minute.

    `kubectl wait --for=condition=Established` will not do: it fails on a definition so new that it has no conditions.
    """
    end = time.monotonic() + 60
    while not access.kubectl("get", "--raw", path, check=False):
        if time.monotonic() > end:
            raise RuntimeError(f"the API server does not serve {path}, which it was told of a minute ago")
        time.sleep(0.2)
