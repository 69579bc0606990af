"""An API server with the chart's tenancy policy, and namespaces that were given different things."""

import json
import os
import time
from collections.abc import Iterator

import pytest
from api.runs import SMALLEST, Refused, Runs, manifest
from cluster.access import Access
from cluster.crds import install_crds
from cluster.helm import template

from security.given import EVERYTHING, GIVEN, MUCH, namespace

POLICY = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")


@pytest.fixture(scope="session")
def tenants(control_plane: Access) -> Iterator[dict[str, Runs]]:
    """The runs of namespaces under the policy that were given nothing, something, much by name, and everything.

    The policy is bound to them alone, as the chart does it for its `namespaces`: other tests use this API server too.
    """
    install_crds(control_plane)
    mark = os.urandom(4).hex()
    gifts = {"nothing": {}, "something": GIVEN, "much": MUCH, "everything": EVERYTHING}
    made = {kind: namespace(control_plane, f"{kind}-{mark}", given) for kind, given in gifts.items()}
    rendered = template(namespaces=[runs.namespace for runs in made.values()], fullnameOverride=f"tenancy-{mark}")
    policy = json.dumps({"apiVersion": "v1", "kind": "List", "items": [o for o in rendered if o["kind"] in POLICY]})
    control_plane.kubectl("apply", "-f", "-", input=policy)
    _wait_until_in_force(made["nothing"])
    yield made
    control_plane.kubectl("delete", "-f", "-", input=policy)
    control_plane.kubectl("delete", "namespace", *[runs.namespace for runs in made.values()], "--wait=false")


def _wait_until_in_force(runs: Runs) -> None:
    """A new policy acts a little later than it is stored."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            runs.try_create(manifest("probe", {**SMALLEST, "storage": {"uri": "s3://elsewhere"}}))
        except Refused as refused:
            assert refused.code == 403, refused
            return
        time.sleep(0.3)
    raise AssertionError("the tenancy policy does not act")
