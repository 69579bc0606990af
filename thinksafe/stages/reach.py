"""What a worker never connects to, whatever name or redirect leads there: an instance's own addresses.

It is seen where every connection of Python begins, so no library has to help, and no name can change its meaning
between a look-up and the connection. Reading the manifest has refused what stands there in plain
(thinksafe/addresses.py); this is for names.

Only in a pod: on one machine the manifest is its owner's, and the machine's own identity may be what opens the store.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any

from thinksafe import addresses
from thinksafe.errors import SettingsError

# The container's own identity (Amazon's Pod Identity and ECS) is at a link-local address too. It asks for a token that
# only the pod has, so nobody is told its secrets by being led there.
_IDENTITY = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23")
_IDENTITY_VARIABLES = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def surroundings(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker's processes that goes with this: what would connect there is not even tried.

    The node's identity is no worker's. And the hub's fast transfer makes its connections outside of Python, to where
    the hub says: only the public one is trusted with that.
    """
    if not _in_a_pod(given):
        return dict(given)
    hub = {"HF_HUB_DISABLE_XET": "1"} if given.get("HF_ENDPOINT") else {}
    return {"AWS_EC2_METADATA_DISABLED": "true", **hub, **given}


def keep_away() -> None:
    """From now on, for good, this process connects to none of them: it gets a SettingsError instead."""
    if not _in_a_pod(os.environ):
        return
    allowed = _IDENTITY if any(os.environ.get(v) for v in _IDENTITY_VARIABLES) else ()

    def before(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            _check(arguments[1], allowed)

    sys.addaudithook(before)


def _in_a_pod(env: Mapping[str, str]) -> bool:
    return bool(env.get("THINKSAFE_SCRATCH"))


def _check(address: Any, allowed: tuple[str, ...]) -> None:
    host = address[0] if isinstance(address, tuple) and address else None
    if isinstance(host, str) and host not in allowed and addresses.is_forbidden(host):
        raise SettingsError(
            f"a connection to {host} is refused: it is an instance's own address (link-local, metadata)",
            reason="ForbiddenAddress",
            hint="Something that the manifest names leads there: look at spec.storage.endpoint and HF_ENDPOINT",
        )
