"""Where a model is, and what identifies its content."""

import json
import shutil

import pytest

from thinksafe import models
from thinksafe.errors import SettingsError


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(models.local_path("tiny://student"), tmp_path / "m")
    return tmp_path / "m"


def test_a_fingerprint_is_of_the_content_not_of_the_place(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert models.fingerprint(f"file://{folder}") == models.fingerprint(str(tmp_path / "elsewhere"))
    assert models.fingerprint(f"file://{folder}") == models.fingerprint("tiny://student?seed=0")


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_fingerprint_changes_with_every_file_that_matters(folder, name):
    before = models.fingerprint(str(folder))
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert models.fingerprint(str(folder)) != before


def test_a_pinned_commit_needs_no_look_up():
    assert models.fingerprint("org/name", "a" * 40) == f"hub:org/name@{'a' * 40}"


def test_later_stages_take_the_commit_that_prepare_found(monkeypatch):
    asked = []
    monkeypatch.setattr(models, "_from_hub", lambda name, revision: asked.append((name, revision)))
    models.pinned_path("org/name", f"hub:org/name@{'b' * 40}")
    assert asked == [("org/name", "b" * 40)]
    assert models.pinned_path("tiny://student", "sha256:x") == models.local_path("tiny://student")


def test_pickled_weights_are_refused(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(SettingsError, match="safetensors"):
        models.local_path(str(folder))


@pytest.mark.parametrize("content", [None, "{"])
def test_a_folder_that_is_no_model_is_refused(folder, content):
    (folder / "config.json").unlink()
    if content:
        (folder / "config.json").write_text(content)
    with pytest.raises(SettingsError, match=r"config\.json"):
        models.local_path(str(folder))


def test_there_is_no_other_tiny_model():
    with pytest.raises(SettingsError, match="tiny://student"):
        models.local_path("tiny://oracle")


def test_an_uncached_model_offline_says_that_it_is_offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(SettingsError, match="HF_HUB_OFFLINE"):
        models.local_path("nobody/nothing")


def test_weights_on_disk_are_read_without_running_code(folder):
    # auto_map would name code of the model's own; it is never asked for
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text("raise SystemExit('code of the model ran')")
    from thinksafe.training.model import load

    assert load(str(folder), dtype="float32", device=__import__("torch").device("cpu"))


def test_a_fingerprint_with_an_adapter_comes_apart_again(monkeypatch):
    commit, digest = "b" * 40, "a" * 64
    print_ = models.with_adapter(f"hub:org/name@{commit}", digest)
    assert models.taken_apart(print_) == (f"hub:org/name@{commit}", digest)
    assert models.taken_apart(f"hub:org/name@{commit}") == (f"hub:org/name@{commit}", None)
    seen = []
    monkeypatch.setattr(models, "local_path", lambda name, revision=None: seen.append((name, revision)))
    models.pinned_path("org/name", print_)
    models.pinned_path("tiny://student", models.with_adapter("sha256:x", digest))
    assert seen == [("org/name", commit), ("tiny://student", None)]
