"""What Git says stays what the cluster has: no default, no null and no status makes a difference."""

import json
from pathlib import Path

import manifests
import pytest
from cluster.crds import install_crds

from gitops import tools
from gitops.files import ROOT
from gitops.places import WAYS, Place, manifest, new_place

SAMPLES = [*manifests.GOOD, *sorted((ROOT / "gitops" / "repository" / "runs").glob("qwen*.yaml"))]
# Server-side apply keeps a null, client-side apply leaves it out.
NULLS = ("empty-sections", "every-pod-setting")
STATUS = {
    "observedGeneration": 1, "phase": "Running", "stage": "generate", "message": "generate is running",
    "conditions": [{"type": "Ready", "status": "False", "reason": "Running", "message": "generate is running",
                    "observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
}  # fmt: skip


@pytest.fixture(scope="module", params=WAYS)
def applied(control_plane, request) -> tuple[Place, tuple[str, ...]]:
    """A place with all samples, each with a status, applied in one of the two ways."""
    install_crds(control_plane)
    place, way = new_place(control_plane), WAYS[request.param]
    place.apply(*map(manifest, SAMPLES), way=way)
    for sample in SAMPLES:
        name = manifest(sample)["metadata"]["name"]
        place.kubectl("patch", "thinksaferun", name, "--subresource=status", "--type=merge",
                      "-p", json.dumps({"status": STATUS}))  # fmt: skip
    return place, way


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: p.stem)
class TestApplied:
    def test_there_is_nothing_to_change(self, applied, sample):
        place, way = applied
        assert place.diff(manifest(sample), way=way) == ""

    def test_applied_again_it_stays_the_very_same_object(self, applied, sample):
        place, way = applied
        name = manifest(sample)["metadata"]["name"]
        before = place.get(name)
        place.apply(manifest(sample), way=way)
        assert place.get(name) == before and before["metadata"]["generation"] == 1

    @pytest.mark.timeout(1800)  # the programs may have to be built first
    def test_argo_cd_finds_it_in_sync(self, applied, sample, engines):
        """By its own comparison; only a null in Git whose place a default takes is a difference to that."""
        place, _ = applied
        pair = wanted_and_live(place, sample)
        assert tools.argocd("modified", objects=pair) == [sample.stem == "empty-sections"]


def wanted_and_live(place: Place, sample: Path) -> list[dict]:
    wanted = manifest(sample)
    wanted["metadata"]["namespace"] = place.namespace
    # kubectl's own note about an apply is nobody's to write into Git.
    wanted["metadata"].get("annotations", {}).pop("kubectl.kubernetes.io/last-applied-configuration", None)
    return [wanted, place.get(wanted["metadata"]["name"])]


def test_argo_cd_finds_all_in_sync_by_the_answer_of_the_api_server(applied, engines):
    """With the compare option ServerSideDiff=true, as gitops/argocd/application.yaml has it."""
    place, way = applied
    samples = [s for s in SAMPLES if way or s.stem not in NULLS]
    pairs = [one for sample in samples for one in wanted_and_live(place, sample)]
    found = tools.argocd("modified", str(place.access.kubeconfig), objects=pairs)
    assert found == [False] * len(samples)
    changed, live = wanted_and_live(place, ROOT / "tests" / "manifests" / "good" / "smallest.yaml")
    changed["spec"]["suspend"] = True
    assert tools.argocd("modified", str(place.access.kubeconfig), objects=[changed, live]) == [True]


def test_a_change_in_git_is_a_difference(applied, engines):
    place, way = applied
    changed = manifest(ROOT / "tests" / "manifests" / "good" / "smallest.yaml")
    changed["spec"]["suspend"] = True
    assert "suspend: true" in place.diff(changed, way=way)
    live = place.get("smallest")
    assert tools.argocd("modified", objects=[changed, live]) == [True]


@pytest.mark.parametrize("way", WAYS)
def test_another_tool_may_take_over_what_one_has_applied(control_plane, way):
    """From kubectl to Argo CD, or from one way to apply to the other."""
    install_crds(control_plane)
    place, run = new_place(control_plane), manifest(ROOT / "examples" / "tiny" / "run.yaml")
    first, second = WAYS[way], WAYS[next(w for w in WAYS if w != way)]
    place.apply(run, way=first)
    place.apply(run, way=(*second, *(("--force-conflicts",) if second else ())))
    for flags in (first, second):
        assert place.diff(run, way=(*flags, *(("--force-conflicts",) if flags else ()))) == ""


def test_a_run_that_nobody_has_looked_at_says_so(control_plane):
    """kstatus takes an object without a status for done."""
    install_crds(control_plane)
    place = new_place(control_plane)
    place.apply(manifest(ROOT / "tests" / "manifests" / "good" / "smallest.yaml"))
    live = place.get("smallest")
    assert live["status"] == {"observedGeneration": 0} and live["metadata"]["generation"] == 1
