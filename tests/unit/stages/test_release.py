"""Publishing: whole or not at all, the same whoever does it, and nothing but safetensors."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
from unit.attestation.finished import ADAPTER, run_in

from thinksafe.artifacts.folder import FolderStore
from thinksafe.attestation.place import Place
from thinksafe.attestation.verify import Expected, verify
from thinksafe.errors import DataError
from thinksafe.stages.release import publish

POINTER = "released/tiny/current.json"


class Killed(BaseException):
    """The process is gone."""


class Mortal(FolderStore):
    """A store in which the n-th writing from now on does not happen any more."""

    left = 10**9

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed

    def put(self, key, data):
        self._count()
        super().put(key, data)

    def put_if_absent(self, key, data):
        self._count()
        return super().put_if_absent(key, data)

    def upload_if_absent(self, key, path):
        self._count()
        return super().upload_if_absent(key, path)


def released(store: FolderStore) -> dict[str, bytes]:
    return {key: store.get(key) for key in store.list("released/")}


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    """What stands there after an undisturbed publication."""
    store = FolderStore(tmp_path / "whole")
    publish(run_in(store))
    return released(store)


def test_the_pointer_names_the_folder_and_the_statement(whole):
    pointer = json.loads(whole[POINTER])
    content = whole[f"{pointer['folder']}/statement.json"]
    assert pointer["statement"] == hashlib.sha256(content).hexdigest()
    there = {key.removeprefix(pointer["folder"] + "/") for key in whole} - {POINTER}
    assert there == {*ADAPTER, "README.md", "statement.json"}
    assert pointer["folder"].endswith(pointer["report"])


@pytest.mark.parametrize("writings", range(7))
def test_killed_before_any_writing_nothing_half_is_published_and_the_next_one_finishes(tmp_path, whole, writings):
    store = Mortal(tmp_path / "store")
    run = run_in(store)
    store.left = writings
    if writings < len(whole):
        with pytest.raises(Killed):
            publish(run)
        assert not store.exists(POINTER)
    else:
        publish(run)
    place, complete = Place(store, run.released), writings >= len(whole) - 1
    if complete:  # with its statement it is whole
        verify(place, Expected())
    else:
        with pytest.raises(DataError, match=r"has no statement\.json"):
            verify(place, Expected())
    store.left = 10**9
    publish(run)
    assert released(store) == whole


def test_the_statement_is_the_last_file_and_the_pointer_comes_after_it(tmp_path):
    order = []

    class Watched(Mortal):
        def put(self, key, data):
            order.append(key)
            super().put(key, data)

        def put_if_absent(self, key, data):
            order.append(key)
            return super().put_if_absent(key, data)

    run = run_in(Watched(tmp_path))
    order.clear()
    publish(run)
    assert [key.rpartition("/")[2] for key in order] == ["README.md", "statement.json", "current.json"]


def test_again_or_from_another_run_of_the_same_content_nothing_changes(tmp_path, whole):
    store = FolderStore(tmp_path / "store")
    for uid in ("1-2-3", "4-5-6"):
        publish(run_in(store, uid=uid))
        assert released(store) == whole


def test_the_image_that_made_it_is_told_where_it_is_known(tmp_path, monkeypatch):
    monkeypatch.setenv("THINKSAFE_IMAGE", "registry/worker@sha256:1")
    store = FolderStore(tmp_path)
    run = run_in(store)
    publish(run)
    said = json.loads(store.get(f"{run.released}/statement.json"))["predicate"]["versions"]
    assert said["adapter"]["image"] == said["report"]["image"] == "registry/worker@sha256:1"


@pytest.mark.parametrize("name", ["adapter_model.bin", "optimizer.pt", "adapter_model.safetensors", "curve.json"])
def test_a_pickle_is_not_published_whatever_its_name(tmp_path, name):
    store = FolderStore(tmp_path)
    run = run_in(store, {**ADAPTER, name: pickle.dumps({"weights": [1.0]})})
    with pytest.raises(DataError, match=name) as refused:
        publish(run)
    assert refused.value.reason in ("ForeignFile", "NotSafetensors")
    assert not store.exists(POINTER) and not store.exists(f"{run.released}/statement.json")


def test_an_adapter_that_changed_since_its_training_is_not_published(tmp_path):
    store = FolderStore(tmp_path)
    run = run_in(store)
    store.put(f"{run.artifact('adapter').prefix}/files/adapter_config.json", b"{}")
    with pytest.raises(DataError, match="not what was trained"):
        publish(run)
    assert not store.exists(POINTER)


@pytest.mark.parametrize("name", ["adapter_config.json", "statement.json", "added.json"])
def test_a_folder_that_somebody_filled_before_is_not_pointed_to(tmp_path, name):
    store = FolderStore(tmp_path)
    run = run_in(store)
    store.put(f"{run.released}/{name}", b'{"x": 1}')
    with pytest.raises(DataError):
        publish(run)
    assert not store.exists(POINTER)


def test_nor_one_with_another_adapter_and_a_statement_that_fits_it(tmp_path):
    store, other = FolderStore(tmp_path / "store"), FolderStore(tmp_path / "other")
    theirs = run_in(other, {**ADAPTER, "curve.json": b"[1]"})
    publish(theirs)
    run = run_in(store)
    for name in (*ADAPTER, "README.md", "statement.json"):
        store.put(f"{run.released}/{name}", other.get(f"{theirs.released}/{name}"))
    verify(Place(store, run.released), Expected())
    with pytest.raises(DataError, match="another adapter"):
        publish(run)
    assert not store.exists(POINTER)
