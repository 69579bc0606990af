"""Which models a pod fetches, and that a commit that is in the cache is taken without asking anyone."""

import json

import pytest
from huggingface_hub import constants
from integration.runs import SMALL

from thinksafe import models
from thinksafe.errors import SettingsError
from thinksafe.manifest import parse
from thinksafe.spec import Storage
from thinksafe.stages import fetching
from thinksafe.stages.assignment import Assignment

COMMIT = "c" * 40
SHARED = {"HF_HOME": "/models/huggingface", "THINKSAFE_SCRATCH": "/scratch"}
OWN = {"HF_HOME": "/scratch/huggingface", "THINKSAFE_SCRATCH": "/scratch"}


def spec(**fields):
    document = {**SMALL, "spec": {**SMALL["spec"], "model": {"name": "org/student"}, **fields}}
    return parse(document, "run.yaml").spec


def at(tmp_path, stage):
    return Assignment(tmp_path / "run.yaml", Storage(uri="file:///x"), stage, "u")


@pytest.mark.parametrize(
    ("stage", "own", "shared"),
    [
        ("prepare", [], ["student", "generator"]),
        ("generate-3", ["generator", "student"], ["generator", "student"]),
        ("filter", [], []),
        ("train", ["student"], ["student"]),
        ("report", [], []),
    ],
)
def test_each_stage_fetches_what_it_holds_and_prepare_for_all_where_they_share(tmp_path, stage, own, shared):
    # the guard is of the tiny world: nothing of it is fetched
    assert fetching.roles(spec(), at(tmp_path, stage), OWN) == own
    assert fetching.roles(spec(), at(tmp_path, stage), SHARED) == shared


def test_every_guard_of_a_quorum_is_fetched_for_the_filter(tmp_path):
    quorum = {"guards": [{"name": "org/second"}, {"name": "tiny://guard", "family": "tiny"}], "need": 2}
    assert fetching.roles(spec(quorum=quorum), at(tmp_path, "filter-2"), OWN) == ["guard-2"]
    assert fetching.roles(spec(quorum=quorum), at(tmp_path, "prepare"), SHARED) == ["student", "generator", "guard-2"]


def test_each_guard_of_a_quorum_is_a_step(tmp_path):
    assert [s.step for s in at(tmp_path, "filter-2").steps(["guard-2", "guard-3"])] == ["guard", "guard-2", "guard-3"]
    assert [s.step for s in at(tmp_path, "filter").steps()] == [""]
    assert [s.step for s in at(tmp_path, "evaluate").steps(["guard-2"])] == ["answer", "score"]


def test_offline_nothing_is_fetched(tmp_path):
    assert fetching.roles(spec(), at(tmp_path, "generate"), {**OWN, "HF_HUB_OFFLINE": "1"}) == []


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub's cache with one commit of org/student, and a hub that nobody can reach."""
    folder = tmp_path / "models--org--student" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({}))
    (folder / "model.safetensors").touch()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return folder


def test_a_commit_in_the_cache_is_taken_as_it_is(cache):
    assert models.pinned_path("org/student", f"hub:org/student@{COMMIT}") == cache
    models.check_access("org/student", f"hub:org/student@{COMMIT}")


def test_a_commit_that_is_not_there_is_said_so(cache):
    with pytest.raises(SettingsError, match="HF_HUB_OFFLINE"):
        models.pinned_path("org/student", f"hub:org/student@{'d' * 40}")


def test_bytes_of_the_cache_grow_with_a_download(tmp_path):
    env = {"HF_HOME": str(tmp_path)}
    assert fetching.cached_bytes(env) == 0
    blobs = tmp_path / "hub" / "models--org--student" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "abc.incomplete").write_bytes(b"x" * 10)
    assert fetching.cached_bytes(env) == 10
