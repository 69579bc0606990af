"""A failed run again: nothing is lost whatever happens on the way."""

import json
import re
import tempfile
from pathlib import Path

import pytest
from rich.console import Console
from unit.plugin import samples
from unit.plugin.cluster import Cluster

from thinksafe.errors import AccessError, Interrupted, SettingsError, TemporaryError, ThinkSafeError
from thinksafe.plugin import again
from thinksafe.plugin.retry import retry

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("thinksafe.plugin.retry.time.sleep", lambda seconds: None)
    return tmp_path


def failed() -> dict:
    run = samples.failed()
    run["metadata"] |= {
        "labels": {"team": "red"},
        "annotations": {"argocd.argoproj.io/tracking-id": "x", LAST_APPLIED: "{}"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "o", "uid": "u"}],
        "managedFields": [{"manager": "kubectl"}], "finalizers": ["foregroundDeletion"], "selfLink": "/x",
    }  # fmt: skip
    return run


def do(cluster: Cluster, *, force: bool = False, seconds: float = 5) -> None:
    retry(cluster, "qwen3-8b", Console(quiet=True), force=force, seconds=seconds)


def saved(temporary: Path) -> list[dict]:
    return [json.loads(file.read_text()) for file in temporary.rglob("*.json")]


def test_it_is_created_again_as_it_was_sent(temporary: Path) -> None:
    cluster, old = Cluster(failed()), failed()
    do(cluster)
    made = cluster.there["qwen3-8b"]
    assert made["metadata"] == {
        "name": "qwen3-8b", "namespace": "alignment", "uid": "new", "labels": {"team": "red"},
        "annotations": {"argocd.argoproj.io/tracking-id": "x"}, "ownerReferences": old["metadata"]["ownerReferences"],
    }  # fmt: skip
    assert made["spec"] == old["spec"] and "status" not in made
    assert list(temporary.iterdir()) == [], "the file is not needed any more"


def test_the_old_one_goes_in_the_foreground_and_only_that_one() -> None:
    cluster = Cluster(failed())
    replaced = {**failed(), "metadata": {**failed()["metadata"], "uid": "another"}}
    cluster.after["create --dry-run"] = lambda: cluster.there.update({"qwen3-8b": replaced})
    with pytest.raises(ThinkSafeError, match="precondition"):
        do(cluster)
    assert cluster.there["qwen3-8b"] is replaced


def test_what_would_be_refused_is_refused_before_anything_is_deleted(temporary: Path) -> None:
    cluster = Cluster(failed())
    cluster.refuse["create --dry-run"] = AccessError("may not create", hint="Ask")
    with pytest.raises(AccessError, match=r"stays as it is.*may not create"):
        do(cluster)
    assert "qwen3-8b" in cluster.there and list(temporary.iterdir()) == []


def test_a_quota_that_the_old_run_fills_is_no_hindrance() -> None:
    cluster = Cluster(failed())
    cluster.refuse["create --dry-run"] = ThinkSafeError("exceeded quota: runs")
    do(cluster)
    assert cluster.there["qwen3-8b"]["metadata"]["uid"] == "new"


def test_the_api_server_is_asked_about_another_name() -> None:
    cluster = Cluster(failed())
    do(cluster)
    (asked,) = cluster.dry
    assert asked["metadata"]["name"] != "qwen3-8b" and asked["spec"] == failed()["spec"]


@pytest.mark.parametrize("name", ["x", "a" * 40, "a" * 30 + "-" + "b" * 9])
def test_the_other_name_is_a_valid_one(name: str) -> None:
    stand_in = again.stand_in(again.manifest(samples.run(name)))["metadata"]["name"]
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", stand_in) and len(stand_in) <= 40 and stand_in != name


@pytest.mark.parametrize("error", [TemporaryError("the API server is gone"), AccessError("forbidden")])
def test_if_it_cannot_be_created_its_manifest_is_in_a_file_that_is_named(temporary: Path, error) -> None:
    cluster = Cluster(failed(), flags=("--context=prod",))
    cluster.refuse["create -f"] = error
    with pytest.raises(type(error)) as told:
        do(cluster)
    (file,) = temporary.rglob("*.json")
    assert f"kubectl create -f {file} --context=prod" in told.value.line() and str(error) in told.value.line()
    assert file.stat().st_mode & 0o077 == 0 or file.parent.stat().st_mode & 0o077 == 0, "it may hold secrets"
    again_by_hand = Cluster()
    again_by_hand.text("create", "-f", "-", input=file.read_text())
    assert again_by_hand.there["qwen3-8b"]["spec"] == failed()["spec"]


def test_stopped_in_between_it_is_in_the_file(temporary: Path) -> None:
    cluster = Cluster(failed())

    def stop() -> None:
        raise KeyboardInterrupt

    cluster.after["delete"] = stop
    with pytest.raises(Interrupted, match="was not created again"):
        do(cluster)
    assert [m["metadata"]["name"] for m in saved(temporary)] == ["qwen3-8b"]


def test_a_deletion_that_is_refused_changes_nothing(temporary: Path) -> None:
    cluster = Cluster(failed())
    cluster.refuse["delete"] = AccessError("may not delete")
    with pytest.raises(AccessError, match=r"^may not delete$"):
        do(cluster)
    assert "qwen3-8b" in cluster.there and list(temporary.iterdir()) == []


def test_a_deletion_of_which_nothing_is_heard_may_have_happened(temporary: Path) -> None:
    cluster = Cluster(failed())
    cluster.refuse["delete"] = TemporaryError("i/o timeout")
    with pytest.raises(TemporaryError, match="is deleted, or about to be"):
        do(cluster)
    assert len(saved(temporary)) == 1


def test_an_old_run_that_does_not_go_is_not_waited_for_for_ever(temporary: Path) -> None:
    cluster, old = Cluster(failed()), failed()
    cluster.after["delete"] = lambda: cluster.there.update({"qwen3-8b": old})
    with pytest.raises(TemporaryError, match="still being deleted after 0 s"):
        do(cluster, seconds=0)
    assert len(saved(temporary)) == 1


def test_what_git_made_again_meanwhile_is_the_retry(temporary: Path) -> None:
    cluster, own = Cluster(failed()), failed()
    own["metadata"]["uid"] = "made by git"
    cluster.after["delete"] = lambda: cluster.there.update({"qwen3-8b": own})
    do(cluster)
    assert cluster.there["qwen3-8b"] is own and list(temporary.iterdir()) == []


def test_another_run_of_the_name_is_not_the_retry(temporary: Path) -> None:
    cluster, other = Cluster(failed()), failed()
    other["metadata"]["uid"], other["spec"] = "another", {"model": {"name": "other"}}
    cluster.after["delete"] = lambda: cluster.there.update({"qwen3-8b": other})
    with pytest.raises(ThinkSafeError, match="AlreadyExists"):
        do(cluster)
    assert len(saved(temporary)) == 1


@pytest.mark.parametrize("run", [samples.running(), samples.succeeded(), samples.succeeded(phase="GateFailed")])
def test_only_a_failed_run_unless_forced(run: dict) -> None:
    cluster = Cluster(run)
    with pytest.raises(ThinkSafeError, match="fail") as told:
        again.check(run, force=False)
    assert "--force" in told.value.hint
    do(cluster, force=True)
    assert cluster.there["qwen3-8b"]["metadata"]["uid"] == "new"


def test_not_one_that_is_being_deleted() -> None:
    run = failed()
    run["metadata"]["deletionTimestamp"] = samples.at(1)
    with pytest.raises(ThinkSafeError, match="is being deleted"):
        do(Cluster(run), force=True)


def test_nothing_is_deleted_where_nothing_can_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    cluster = Cluster(failed())
    with pytest.raises(SettingsError, match="nothing was deleted"):
        do(cluster)
    assert "qwen3-8b" in cluster.there
