"""How far a run is in the eyes of Argo CD, kstatus and Flux, each by its own code, in every state of a run."""

import pytest
import yaml

from gitops import tools
from gitops.files import RECORDED
from gitops.stories import experiments
from thinksafe_operator import reasons

# Argo CD, kstatus, Flux. A wave goes on at Healthy and Current, fails at Degraded and Failed, and waits at all others.
EXPECTED = {
    "never-looked-at": ("Progressing", "InProgress", "InProgress"),
    "pending": ("Progressing", "InProgress", "InProgress"),
    "queued": ("Progressing", "InProgress", "InProgress"),
    "running": ("Progressing", "InProgress", "InProgress"),
    "retrying": ("Progressing", "InProgress", "InProgress"),
    "being-suspended": ("Progressing", "InProgress", "InProgress"),
    "suspended": ("Suspended", "InProgress", "InProgress"),
    "generation-not-observed": ("Progressing", "InProgress", "InProgress"),
    "resumed-not-observed": ("Progressing", "InProgress", "InProgress"),
    "being-deleted": ("Progressing", "Terminating", "InProgress"),
    "stalled-before-it-runs": ("Degraded", "Failed", "Failed"),
    "succeeded": ("Healthy", "Current", "Current"),
    "gate-failed": ("Degraded", "Failed", "Failed"),
    "failed": ("Degraded", "Failed", "Failed"),
    "invalid": ("Degraded", "Failed", "Failed"),
}
RUNS = {file.stem: yaml.safe_load(file.read_text()) for file in sorted(RECORDED.glob("*.yaml"))}


@pytest.fixture(scope="module")
def health(engines) -> dict[str, dict]:
    return dict(zip(RUNS, tools.argocd("health", objects=RUNS.values()), strict=True))


@pytest.fixture(scope="module")
def judged(health) -> dict[str, tuple[str, str, str]]:
    others = zip(tools.kstatus(RUNS.values()), tools.flux(RUNS.values()), strict=True)
    return {name: (health[name]["status"], *both) for name, both in zip(RUNS, others, strict=True)}


@pytest.mark.timeout(1800)  # the programs may have to be built first
@pytest.mark.parametrize("name", EXPECTED)
def test_every_state_of_a_run_is_told_for_what_it_is(judged, name):
    assert judged[name] == EXPECTED[name]


def test_every_recorded_run_has_its_verdict():
    assert set(EXPECTED) == set(RUNS)


def test_nothing_is_done_but_the_run_whose_gate_is_passed(judged):
    assert [name for name, all_three in judged.items() if {"Healthy", "Current"} & set(all_three)] == ["succeeded"]


def test_argo_cd_shows_the_runs_own_words(health):
    for name, run in RUNS.items():
        seen = run["metadata"]["generation"] == run["status"]["observedGeneration"]
        if seen and name != "being-deleted":
            assert health[name]["message"].startswith(run["status"]["message"])
    assert health["running"]["message"] == "generate is running (37%)"
    assert reasons.what_to_do("ImagePullFailed") in health["stalled-before-it-runs"]["message"]
    assert reasons.what_to_do("GateFailed") in health["gate-failed"]["message"]
    for name in ("never-looked-at", "generation-not-observed", "resumed-not-observed"):
        assert "not yet looked at" in health[name]["message"]


def test_without_the_check_argo_cd_knows_nothing_of_runs_and_waits_for_none(engines, tmp_path):
    empty = tmp_path / "argocd-cm.yaml"
    empty.write_text("{apiVersion: v1, kind: ConfigMap, metadata: {name: argocd-cm}}")
    assert tools.argocd("health", objects=[RUNS["failed"]], settings=empty) == [None]


def test_a_run_of_before_this_status_is_not_done_either(engines):
    """Stored before the definition had a default: without a status, or with one that is not ours."""
    for status in ({}, {"conditions": []}, {"phase": "Succeeded"}):
        run = {**RUNS["running"], "status": status}
        assert tools.argocd("health", objects=[run])[0]["status"] == "Progressing"
    without = {k: v for k, v in RUNS["running"].items() if k != "status"}
    assert tools.argocd("health", objects=[without])[0]["status"] == "Progressing"


class TestActions:
    """Suspend and resume in Argo CD's interface."""

    OFFERED = {
        "never-looked-at": ["suspend"],
        "pending": ["suspend"],
        "queued": ["suspend"],
        "running": ["suspend"],
        "retrying": ["suspend"],
        "stalled-before-it-runs": ["suspend"],
        "resumed-not-observed": ["suspend"],
        "being-deleted": [],
        "being-suspended": ["resume"],
        "suspended": ["resume"],
        "generation-not-observed": ["resume"],
        "succeeded": [],
        "gate-failed": [],
        "failed": [],
        "invalid": [],
    }

    def test_what_can_be_done_is_offered_and_nothing_else(self, engines):
        offered = dict(zip(RUNS, tools.argocd("actions", objects=RUNS.values()), strict=True))
        assert offered == self.OFFERED

    @pytest.mark.parametrize(("action", "name"), [("suspend", "running"), ("resume", "suspended")])
    def test_an_action_changes_one_field(self, engines, action, name):
        (changed,) = tools.argocd("action", action, objects=[RUNS[name]])
        assert changed == {**RUNS[name], "spec": {**RUNS[name]["spec"], "suspend": action == "suspend"}}

    def test_a_suspension_by_hand_is_no_drift_as_long_as_git_says_nothing_of_it(self, engines):
        (suspended,) = tools.argocd("action", "suspend", objects=[RUNS["running"]])
        silent = {k: v for k, v in RUNS["running"].items() if k != "status"}
        silent = {**silent, "spec": {k: v for k, v in silent["spec"].items() if k != "suspend"}}
        outspoken = {**silent, "spec": {**silent["spec"], "suspend": False}}
        assert tools.argocd("modified", objects=[silent, suspended, outspoken, suspended]) == [False, True]


# Of experiments; a closed gate of a variant is a result.
EXPECTED_OF_EXPERIMENTS = {
    "never-looked-at": ("Progressing", "InProgress"),
    "running": ("Progressing", "InProgress"),
    "suspended": ("Suspended", "InProgress"),
    "waits-for-a-human": ("Degraded", "Failed"),
    "succeeded": ("Healthy", "Current"),
    "failed": ("Degraded", "Failed"),
}


def test_every_state_of_an_experiment_is_told_for_what_it_is(engines):
    found = experiments()
    argocd = [one["status"] for one in tools.argocd("health", objects=found.values())]
    told = dict(zip(found, zip(argocd, tools.kstatus(found.values()), strict=True), strict=True))
    assert told == EXPECTED_OF_EXPERIMENTS
