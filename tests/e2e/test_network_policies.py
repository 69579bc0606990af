"""The chart's network policies on pods that run, enforced by a real firewall (kube-router, in cluster/policies.py)."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from cluster import policies
from cluster.access import ClusterAccess
from cluster.helm import RELEASE, SYSTEM, template
from cluster.node import KUBELET_PORT
from cluster.process import run
from cluster.whole import REGISTRY_PORT, S3_PORT
from e2e import jobs
from e2e.namespace import Namespace
from e2e.release import values

from thinksafe_operator.names import LABEL_MANAGED_BY, LABEL_STAGE, MANAGED_BY

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]
WORKER = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_STAGE: "generate"}
TRAINING = {LABEL_MANAGED_BY: MANAGED_BY, LABEL_STAGE: "train"}
WEB_PORT = 80
# Somewhere outside, and an address like that of an instance's metadata, which is not taken: this machine may need it.
OUTSIDE, LINK_LOCAL = "192.0.2.80", "169.254.80.80"
LISTENS = 7000
# A firewall learns of a pod a moment after it runs. So the pod first waits for what is refused for certain.
PROBE = """
import json, socket, sys, time
targets, refused = json.loads(sys.argv[1]), sys.argv[2]

def reaches(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        return False
    return True

until = time.monotonic() + 60
while refused and reaches(refused) and time.monotonic() < until:
    time.sleep(0.2)
print(json.dumps([name for name, address in targets.items() if reaches(address)]))
"""


@contextmanager
def listening(cluster: ClusterAccess) -> Iterator[None]:
    """Something that takes connections outside of the cluster and at a link-local address."""
    assert cluster.own
    bridge = cluster.own.slot.bridge
    with ExitStack() as stack:
        for address in (OUTSIDE, LINK_LOCAL):
            run("ip", "address", "add", f"{address}/32", "dev", bridge)
            stack.callback(run, "ip", "address", "delete", f"{address}/32", "dev", bridge)
            server = stack.enter_context(socket.create_server((address, WEB_PORT)))
            threading.Thread(target=_take, args=(server,), daemon=True).start()
            stack.callback(server.shutdown, socket.SHUT_RDWR)
        yield


def _take(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except OSError:  # it was closed
            return


@pytest.fixture(scope="module")
def guarded(place: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Namespace]:
    """A namespace whose workers may reach the store and port 80 of every address. The operator has a policy, too."""
    own = place.cluster.own
    if own is None:
        pytest.skip("the cluster is not ours: its firewall, if it has one, is not for tests to start")
    everywhere = {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": WEB_PORT}]}
    node = [{"ipBlock": {"cidr": f"{own.slot.gateway}/32"}}]
    store = {"to": node, "ports": [{"protocol": "TCP", "port": S3_PORT}]}
    wanted = {"enabled": True, "dns": node, "workers": {"namespaces": [place.name], "egress": [store, everywhere]}}
    rendered = template(**values(place.cluster), networkPolicy=wanted)
    made = [o for o in rendered if o["kind"] == "NetworkPolicy"]
    assert [o["metadata"]["namespace"] for o in made] == [SYSTEM, place.name, place.name]
    jobs.create(place.cluster, *made)
    with policies.enforced(own, tmp_path_factory.mktemp("firewall")), listening(place.cluster):
        yield place
    place.cluster.kubectl("-n", SYSTEM, "delete", "networkpolicy", made[0]["metadata"]["name"])


@pytest.fixture(scope="module")
def neighbours(guarded: Namespace) -> dict[str, str]:
    """Pods that take connections: a worker, one that trains, and one that is nobody's. Addresses by name."""
    found = {}
    for name, labels in (("worker", WORKER), ("trainer", TRAINING), ("nobody", {})):
        _pod(guarded, name, labels, ["python3", "-m", "http.server", str(LISTENS)])
        guarded.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s")
        address = json.loads(guarded.kubectl("get", "pod", name, "-o", "json"))["status"]["podIP"]
        found[name] = f"{address}:{LISTENS}"
    return found


@pytest.fixture(scope="module")
def targets(guarded: Namespace, neighbours: dict[str, str]) -> dict[str, str]:
    """Everything that somebody may want to reach."""
    own = guarded.cluster.own
    assert own
    return {
        "store": f"{own.slot.gateway}:{S3_PORT}",
        "names": f"{own.slot.gateway}:53",
        "outside": f"{OUTSIDE}:{WEB_PORT}",
        "link-local": f"{LINK_LOCAL}:{WEB_PORT}",
        "api": f"{own.slot.api}:443",
        "kubelet": f"{own.slot.gateway}:{KUBELET_PORT}",
        "registry": f"{own.slot.gateway}:{REGISTRY_PORT}",
        **neighbours,
    }


def _pod(place: Namespace, name: str, labels: dict[str, str], command: list[str]) -> None:
    spec = jobs.pod_spec(place.cluster.operator_image, command[1:], command=command[:1])
    place.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec})


def reached(place: Namespace, name: str, labels: dict[str, str], targets: dict[str, str], refused: str = "") -> set:
    """The names of what a pod with these labels reaches, once it is refused what it is to be refused."""
    _pod(place, name, labels, ["python3", "-c", PROBE, json.dumps(targets), refused])
    end = time.monotonic() + 180
    while (phase := json.loads(place.kubectl("get", "pod", name, "-o", "json"))["status"]["phase"]) != "Succeeded":
        assert phase != "Failed" and time.monotonic() < end, place.kubectl("logs", name, check=False)[-500:]
        time.sleep(0.5)
    return set(json.loads(place.kubectl("logs", name)))


def test_whoever_is_no_worker_reaches_all_that_lets_itself_be_reached(guarded: Namespace, targets: dict[str, str]):
    """So what a worker does not reach is there, and is kept from it."""
    assert reached(guarded, "free", {}, targets, targets["worker"]) == set(targets) - {"worker", "trainer"}


def test_a_worker_reaches_names_the_store_and_what_it_was_given_and_nothing_else(
    guarded: Namespace, targets: dict[str, str]
):
    found = reached(guarded, "probe", WORKER, targets, targets["kubelet"])
    assert found == {"names", "store", "outside"}


def test_pods_that_train_reach_each_other_besides(guarded: Namespace, targets: dict[str, str]):
    found = reached(guarded, "trains", TRAINING, targets, targets["kubelet"])
    assert found == {"names", "store", "outside", "trainer"}


def test_the_operator_reaches_names_and_the_api_server_alone(guarded: Namespace, targets: dict[str, str]):
    """Seen from a pod with the labels of that of `helm test`, which the same policy is for."""
    system = Namespace(guarded.cluster, SYSTEM, "")
    labels = {"app.kubernetes.io/name": "thinksafe-operator-test", "app.kubernetes.io/instance": RELEASE}
    try:
        assert reached(system, "asks", labels, targets, targets["kubelet"]) == {"names", "api"}
    finally:
        system.kubectl("delete", "pod", "asks", "--wait=false", "--ignore-not-found")


def test_a_run_comes_to_its_end_behind_them(guarded: Namespace, targets: dict[str, str]):
    guarded.apply(guarded.small("run", generation={"engine": "transformers"}))
    guarded.wait_for_phase("run", "Succeeded", "GateFailed", seconds=900)
    attempts = {s["name"]: s["attempt"] for s in guarded.status("run")["stages"]}
    assert set(attempts.values()) == {1}, attempts
