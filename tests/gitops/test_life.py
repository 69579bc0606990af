"""Runs under a GitOps tool, from what is applied to what is promoted.

The API server, its controllers, the operator and Argo CD's sync are real; the pods are played (tests/api/player.py).
e2e/test_gitops.py has real ones.
"""

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest
import yaml
from api.player import End, playing, well, words
from api.running_operator import RunningOperator, install, wait_until
from cluster.binaries import binary
from unit.operator.specs import spec

from gitops import tools
from gitops.files import ROOT, SETTINGS
from gitops.places import WAYS, Place, new_place
from thinksafe.spec import API_VERSION, KIND

STAGES = ["prepare", "generate", "filter", "train", "evaluate", "report"]


def run_of(name: str = "r", **fields: object) -> dict:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec(**fields)}


def everything_is_held(stage: str) -> tuple[int, dict]:
    """As when the store has all of a run's artifacts."""
    return 0, {**words(stage), **({"held": STAGES[:-1]} if stage == "prepare" else {})}


def the_gate_is_closed(stage: str) -> tuple[int, dict]:
    said = words(stage)
    if stage == "report":
        said |= {"gate": {"passed": False, "failed": ["accuracy of gsm8k fell by 0.2"]}, "adapter": None}
    return 0, said


@pytest.fixture(scope="module")
def place(controllers, tmp_path_factory) -> Iterator[Place]:
    """A namespace with a running operator, for all tests of this file."""
    folder = tmp_path_factory.mktemp("operator")
    made = new_place(controllers)
    with RunningOperator(install(controllers, folder), folder, THINKSAFE_NAMESPACES=made.namespace) as operator:
        operator.wait_until_ready()
        yield made


@pytest.fixture
def clean(place) -> Iterator[Place]:
    yield place
    place.kubectl("delete", "thinksaferuns,configmaps", "--all", "--wait")
    wait_until(lambda: not place.jobs())


def until(place: Place, name: str, is_so: Callable[[dict], bool]) -> tuple[dict, set[str]]:
    """The run once it `is_so`, and the stages of all Jobs that were there until then."""
    seen: set[str] = set()
    run, end = place.get(name), time.monotonic() + 120
    while time.monotonic() < end:
        run = place.get(name)
        seen |= set(place.jobs().values())
        if is_so(run):
            return run, seen
        time.sleep(0.2)
    raise AssertionError(f"{name} is {run.get('status', {}).get('message')!r} after two minutes")


def succeeded(run: dict) -> bool:
    return run["status"].get("phase") == "Succeeded"


def without_version(run: dict) -> dict:
    """Server-side apply may note anew when a field was applied, which is nobody's business."""
    return {**run, "metadata": {k: v for k, v in run["metadata"].items() if k != "resourceVersion"}}


def is_gone(place: Place, name: str) -> bool:
    return not place.kubectl("get", "thinksaferun", name, "--ignore-not-found", "-o", "name").strip()


@pytest.mark.timeout(1800)  # the programs may have to be built first
@pytest.mark.parametrize("way", WAYS)
def test_a_finished_run_that_is_applied_again_stays_as_it_is(clean, way):
    run = run_of()
    with playing(clean.access, clean.namespace):
        clean.apply(run, way=WAYS[way])
        clean.wait_for_ready("r")
        before, jobs = clean.get("r"), clean.jobs()
        for _ in range(3):
            clean.apply(run, way=WAYS[way])
            time.sleep(1)
        assert clean.diff(run, way=WAYS[way]) == ""
    assert without_version(clean.get("r")) == without_version(before) and clean.jobs() == jobs
    assert sorted(jobs.values()) == sorted(STAGES)


def test_what_its_ttl_deleted_and_git_makes_again_finishes_from_the_store(clean):
    run = run_of(ttlSecondsAfterFinished=3)
    with playing(clean.access, clean.namespace):
        clean.apply(run)
        first, stages = until(clean, "r", succeeded)
        assert stages == set(STAGES)
        wait_until(lambda: is_gone(clean, "r"))
        wait_until(lambda: not clean.jobs())
    with playing(clean.access, clean.namespace, everything_is_held):
        clean.apply(run)
        again, stages = until(clean, "r", succeeded)
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert stages == {"prepare", "report"}, "no stage that asks for a GPU has a Job"
    states = {s["name"]: s["state"] for s in again["status"]["stages"]}
    assert states == {**dict.fromkeys(STAGES, "Cached"), "prepare": "Succeeded", "report": "Succeeded"}


def test_at_no_moment_is_a_run_taken_for_done_before_it_is(clean, engines, tmp_path):
    """Every version of a run that a watch shows, from the first on, in the eyes of all three."""
    command = [binary("kubectl"), f"--kubeconfig={clean.access.kubeconfig}", "-n", clean.namespace]
    told = tmp_path / "versions.json"
    with told.open("w") as out:
        watch = subprocess.Popen([*map(str, command), "get", "thinksaferuns", "--watch", "-o", "json"], stdout=out)
    try:
        time.sleep(2)
        with playing(clean.access, clean.namespace):
            clean.apply(run_of())
            clean.wait_for_ready("r")
        time.sleep(1)
    finally:
        watch.terminate()
        watch.wait()
    versions = list(_objects(told.read_text()))
    ready = [_is_ready(v) for v in versions]
    assert len(versions) > 10 and ready[-1] and not ready[0]
    done = {"Healthy": True, "Progressing": False, "Current": True, "InProgress": False}
    assert [done[h["status"]] for h in tools.argocd("health", objects=versions)] == ready
    assert [done[s] for s in tools.kstatus(versions)] == ready
    assert [done[s] for s in tools.flux(versions)] == ready


class TestSyncWave:
    """The repository of docs/gitops.md, synchronized by Argo CD's own engine: runs, then what uses their adapters."""

    @pytest.mark.parametrize("way", ["client", "server"])
    def test_what_uses_the_adapter_comes_when_the_run_is_ready(self, clean, engines, way):
        told = self.synchronize(clean, way, well)
        (run,) = self.runs(clean)
        phases = {t["kind"]: t["phase"] for t in told}
        assert phases[KIND] == "Succeeded" and phases["ConfigMap"] != "Failed"
        ready = next(c for c in run["status"]["conditions"] if c["type"] == "Ready")
        adapter = json.loads(clean.kubectl("get", "configmap", "adapter", "-o", "json"))
        assert adapter["metadata"]["creationTimestamp"] >= ready["lastTransitionTime"]

    def test_it_never_comes_if_the_gate_is_closed_and_the_sync_says_why(self, clean, engines):
        told = self.synchronize(clean, "client", the_gate_is_closed)
        (said,) = [t for t in told if t["kind"] == KIND]
        assert said["phase"] == "Failed" and "accuracy of gsm8k fell by 0.2" in said["message"]
        assert clean.kubectl("get", "configmap", "adapter", "--ignore-not-found") == ""

    def test_nor_does_it_while_the_run_is_suspended(self, clean, engines):
        with self.started(clean, "client", suspend=True) as syncing:
            try:
                self.check_that_it_waits(clean, syncing)
                (run,) = self.runs(clean)
                assert run["status"]["phase"] == "Suspended"
            finally:
                syncing.kill()

    def check_that_it_waits(self, place: Place, syncing: subprocess.Popen) -> None:
        wait_until(lambda: bool(self.runs(place)))
        time.sleep(8)
        assert syncing.poll() is None, "it goes on, and waits"
        assert place.kubectl("get", "configmap", "adapter", "--ignore-not-found") == ""

    def synchronize(self, place: Place, way: str, end: End) -> list[dict]:
        """What Argo CD tells of each object, once the sync is over."""
        with self.started(place, way) as syncing:
            self.check_that_it_waits(place, syncing)
            with playing(place.access, place.namespace, end):
                told, why = syncing.communicate(timeout=150)
        assert syncing.returncode == 0, why
        return json.loads(told)

    def started(self, place: Place, way: str, **spec: object) -> subprocess.Popen:
        objects = tools.kustomize(ROOT / "gitops" / "repository")
        for one in objects:
            metadata = one["metadata"]
            metadata["name" if one["kind"] == "Namespace" else "namespace"] = place.namespace
            if one["kind"] == KIND:
                one["spec"] |= spec
        command = [binary("health"), SETTINGS, "sync", place.access.kubeconfig, place.namespace, way]
        pipe = subprocess.PIPE
        process = subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert process.stdin
        process.stdin.write(yaml.safe_dump_all(objects))
        process.stdin.close()
        process.stdin = None
        return process

    def runs(self, place: Place) -> list[dict]:
        return json.loads(place.kubectl("get", "thinksaferuns", "-o", "json"))["items"]


def _is_ready(run: dict) -> bool:
    conditions = run["status"].get("conditions", [])
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _objects(text: str) -> Iterator[dict]:
    decoder, text = json.JSONDecoder(), text.strip()
    while text:
        found, end = decoder.raw_decode(text)
        yield found
        text = text[end:].lstrip()
