"""`kubectl thinksafe`, as a user types it, against a real API server; the operator's part is played."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.access import Access
from cluster.binaries import binary
from cluster.crds import install_crds
from unit.plugin import samples

from api.runs import SMALLEST, Runs, manifest

HALF_A_USER = "half-a-user"  # may delete runs, but not create them


class Place:
    """A namespace, and a shell in it whose PATH has kubectl and the plugin."""

    def __init__(self, access: Access, namespace: str) -> None:
        self.access, self.namespace, self.runs = access, namespace, Runs(access.kubeconfig, namespace)
        folders = [str(Path(sys.executable).parent), str(binary("kubectl").parent), os.environ["PATH"]]
        self.environment = {
            **os.environ, "PATH": ":".join(folders), "KUBECONFIG": str(access.kubeconfig), "COLUMNS": "120",
        }  # fmt: skip

    def do(self, *arguments: str, code: int = 0) -> str:
        """`kubectl thinksafe ...` in this namespace: what it prints, or says, if it fails as it should."""
        done = subprocess.run(
            ["kubectl", "thinksafe", *arguments, "-n", self.namespace], env=self.environment, capture_output=True,
            text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stderr if code else done.stdout

    def make(self, name: str, status: dict, **spec: object) -> dict:
        self.runs.create(manifest(name, {**SMALLEST, **spec}))
        return self.put(name, status)

    def put(self, name: str, status: dict) -> dict:
        """Write a status, as the operator would."""
        conditions = [{"lastTransitionTime": samples.at(9), **c} for c in status.get("conditions", [])]
        return self.runs.replace_status({**self.runs.get(name), "status": {**status, "conditions": conditions}})


@pytest.fixture(scope="module")
def place(controllers: Access) -> Iterator[Place]:
    install_crds(controllers)
    namespace = f"plugin-{os.urandom(4).hex()}"
    controllers.kubectl("create", "namespace", namespace)
    role, rights = ("create", "role", HALF_A_USER), ("--verb=get,delete", "--resource=thinksaferuns.thinksafe.dev")
    controllers.kubectl("-n", namespace, *role, *rights)
    binding = ("create", "rolebinding", HALF_A_USER, f"--role={HALF_A_USER}", f"--user={HALF_A_USER}")
    controllers.kubectl("-n", namespace, *binding)
    yield Place(controllers, namespace)
    controllers.kubectl("delete", "namespace", namespace, "--wait=false")


pytestmark = pytest.mark.timeout(2400)  # the first test may build the API server


def test_kubectl_finds_the_plugin(place: Place) -> None:
    command = ["kubectl", "plugin", "list"]
    found = subprocess.run(command, env=place.environment, capture_output=True, text=True, check=True)
    assert "kubectl-thinksafe" in found.stdout
    assert "retry" in place.do("--help")


def test_status_lists_the_runs_and_shows_one(place: Place) -> None:
    place.make("stands", samples.waiting()["status"])
    assert ["stands", "Queued", "generate"] in [line.split()[:3] for line in place.do("status").splitlines()]
    shown = place.do("status", "stands")
    assert "◌ generate" in shown and "Unschedulable: generate, pod" in shown
    assert place.do("status", "thinksaferun.thinksafe.dev/stands").count("generate") == shown.count("generate")
    assert "not found" in place.do("status", "nobody", code=64)
    place.runs.create(manifest("fresh", SMALLEST))
    assert "The operator has not looked at it yet" in place.do("status", "fresh")


def test_status_on_a_terminal_is_live_until_the_run_has_ended(place: Place) -> None:
    run = samples.running()["status"]
    place.make("live", run)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {k: v for k, v in place.environment.items() if k != "COLUMNS"} | {"TERM": "xterm"}
    process = subprocess.Popen(
        ["kubectl", "thinksafe", "status", "live", "-n", place.namespace],
        env=environment, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = bytearray()
    reader = threading.Thread(target=_read, args=(ours, seen))
    reader.start()
    _wait(lambda: b"37%" in seen)
    further = {**samples.GENERATING, "rows": 20400}
    place.put("live", {**run, "progress": "51%", "stages": samples.stages(samples.PREPARED, further)})
    _wait(lambda: b"51%" in seen)
    place.put("live", samples.succeeded()["status"])
    assert process.wait(timeout=60) == 0
    reader.join(timeout=10)
    os.close(ours)
    last = seen.decode().rpartition("51%")[2]
    assert "Succeeded" in last and "harmbench" in last


def _read(terminal: int, into: bytearray) -> None:
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # the other side is closed
            return
        into.extend(part)


def _wait(until) -> None:
    end = time.monotonic() + 60
    while not until():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_compare_shows_results_and_the_settings_that_differ(place: Place) -> None:
    place.make("one", samples.succeeded("one")["status"])
    other = samples.succeeded("two", results=[{**samples.RESULTS[0], "aligned": 0.0512}])
    place.make("two", other["status"], seed=7, training={"epochs": 5})
    shown = " ".join(place.do("compare", "one", "two").split())
    assert "harmbench 54.7% 54.7% 3.1% 5.1% +2.0" in shown
    assert "seed 42 7" in shown and "training.epochs 3 5" in shown


def test_retry_makes_the_run_anew_and_keeps_what_was_said_of_it(place: Place) -> None:
    old = place.make("again", samples.failed()["status"], seed=7)
    owner = place.access.kubectl("-n", place.namespace, "create", "configmap", "owner", "-o", "json")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": json.loads(owner)["metadata"]["uid"]}
    noted = {"labels": {"team": "red"}, "annotations": {"why": "because"}, "ownerReferences": [reference]}
    place.runs.merge("again", {"metadata": noted})
    said = place.do("retry", "again")
    assert "begins again" in said
    new = place.runs.get("again")
    assert new["metadata"]["uid"] != old["metadata"]["uid"] and "phase" not in new.get("status", {})
    assert new["spec"] == old["spec"]
    assert {k: new["metadata"][k] for k in noted} == noted
    assert "has not failed: it is Pending" in place.do("retry", "again", code=65)


def test_who_may_not_create_runs_does_not_lose_one(place: Place) -> None:
    old = place.make("kept", samples.failed()["status"])
    said = place.do("retry", "kept", "--as", HALF_A_USER, code=77)
    assert "kept stays as it is" in said and said.count("\n") == 1
    assert place.runs.get("kept")["metadata"]["uid"] == old["metadata"]["uid"]


def test_the_shell_is_offered_the_runs(place: Place) -> None:
    place.make("offered", samples.failed()["status"])
    done = subprocess.run(
        ["kubectl", "__complete", "thinksafe", "logs", "-n", place.namespace, "offered", ""], env=place.environment,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["prepare", "train", ":4"]
