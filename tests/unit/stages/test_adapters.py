"""An adapter is named by its digest or the beginning of it: one is found, none and several are not guessed."""

import dataclasses
import json
from pathlib import Path

import pytest
from unit.attestation.finished import run_in

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.folder import FolderStore
from thinksafe.errors import DataError, SettingsError
from thinksafe.models import with_adapter
from thinksafe.stages import adapters

BASE = "hub:org/student@" + "c" * 40


def adapter(store, digest, *, base=BASE, complete=True, config=b'{"r": 8}'):
    made = Artifact(store, "adapter", digest)
    made.put_file("adapter_config.json", config)
    made.put_file("adapter_model.safetensors", b"weights")
    if complete:
        made.finish({"chunks": 0, "base_model": {"name": "org/student", "fingerprint": base}})
    return made


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path)


def test_the_whole_digest_and_its_beginning_find_the_same_adapter(store):
    digest = "ab" * 32
    adapter(store, digest)
    assert adapters.resolve(store, digest, BASE) == adapters.resolve(store, digest[:16], BASE) == digest


def test_what_is_not_finished_is_not_there(store):
    adapter(store, "ab" * 32, complete=False)
    with pytest.raises(SettingsError, match=r"spec\.generator\.adapter: no adapter in .* begins with abab"):
        adapters.resolve(store, "ab" * 8, BASE)


def test_two_that_begin_alike_are_not_guessed_between(store):
    one, other = "ab" * 31 + "00", "ab" * 31 + "11"
    adapter(store, one)
    adapter(store, other)
    with pytest.raises(SettingsError, match=r"2 adapters in .* begin with abab") as raised:
        adapters.resolve(store, "ab" * 8, BASE)
    assert raised.value.reason == "AdapterNotUnique"
    assert adapters.resolve(store, other, BASE) == other


def test_an_adapter_of_another_model_is_refused(store):
    adapter(store, "ab" * 32, base="hub:org/student@" + "d" * 40)
    with pytest.raises(SettingsError, match=r"is an adapter of org/student .* not of spec\.generator") as raised:
        adapters.resolve(store, "ab" * 32, BASE)
    assert raised.value.reason == "AdapterOfOtherModel"


def test_it_is_brought_whole_with_its_rank(store, tmp_path, monkeypatch):
    monkeypatch.setenv("THINKSAFE_SCRATCH", str(tmp_path / "scratch"))
    digest = "ab" * 32
    adapter(store, digest)
    run = run_in(store)
    assert adapters.of_generator(run) is None
    adapted = with_adapter(run.fingerprints["generator"], digest)
    run = dataclasses.replace(run, fingerprints={**run.fingerprints, "generator": adapted})
    found = adapters.of_generator(run)
    assert found is not None and found.digest == digest and adapters.rank(found) == 8
    folder = Path(adapters.brought(run, found, "responses-1"))
    assert json.loads((folder / "adapter_config.json").read_text()) == {"r": 8}
    assert (folder / "adapter_model.safetensors").read_bytes() == b"weights"


@pytest.mark.parametrize("config", [b"{}", b"no", b'{"r": null}', b"[]"])
def test_a_configuration_without_a_rank_is_damaged(store, config):
    with pytest.raises(DataError, match="does not say the rank"):
        adapters.rank(adapter(store, "ab" * 32, config=config))
