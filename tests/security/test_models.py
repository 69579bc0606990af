"""Weights and code that somebody else made: code of a model is never run, and a pickle is never opened."""

import json
import os
import pickle
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import pytest

from thinksafe import models, tokenization
from thinksafe.engines import open_engine
from thinksafe.engines.faults import check_adapter
from thinksafe.errors import SettingsError, ThinkSafeError
from thinksafe.training import model as training


class Evil:
    """Opened as a pickle it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    """What is there once code of the model has run."""
    return tmp_path / "code-ran"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny student's folder, to be made evil."""
    shutil.copytree(models.local_path("tiny://student"), tmp_path / "model")
    return tmp_path / "model"


def with_code(folder: Path, mark: Path, **config: object) -> Path:
    """The model with code of its own beside it, and a config that names it for everything."""
    (folder / "evil.py").write_text(f"import os\nos.mkdir({str(mark)!r})\nclass Model: ...\nclass Config: ...\n")
    names = {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.Model", "AutoTokenizer": ["evil.Model", None]}
    for name in ("config.json", "tokenizer_config.json"):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**told, "auto_map": names, **config}))
    return folder


def with_pickle(folder: Path, mark: Path) -> Path:
    """A pickle under the weights' usual names, and the safetensors under another."""
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    for name in ("pytorch_model.bin", "model.pt", "pytorch_model.pt"):
        (folder / name).write_bytes(pickle.dumps(Evil(mark)))
    return folder


def engine(kind: Literal["vllm", "transformers"]):
    return lambda path: open_engine(kind, str(path), dtype="float32", max_model_len=64, seed=0).close()


READERS = [
    pytest.param(tokenization.load, id="tokenizer"),
    pytest.param(lambda p: training.load(str(p), dtype="float32", device=_cpu()), id="training"),
    pytest.param(engine("transformers"), id="transformers"),
    pytest.param(engine("vllm"), id="vllm", marks=[pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(300)]),
]


def _cpu():
    import torch

    return torch.device("cpu")


@pytest.mark.parametrize("read", READERS)
def test_code_beside_a_known_model_is_not_run(read, folder: Path, mark: Path):
    read(with_code(folder, mark))
    assert not mark.exists()


@pytest.mark.parametrize("read", READERS[1:])
def test_a_model_that_needs_code_of_its_own_is_refused(read, folder: Path, mark: Path):
    with pytest.raises(ThinkSafeError) as caught:
        read(with_code(folder, mark, model_type="evil", architectures=["EvilForCausalLM"]))
    assert caught.value.code == 78
    assert not mark.exists()


@pytest.mark.parametrize("read", READERS[1:])
def test_a_pickle_beside_safetensors_is_not_opened(read, folder: Path, mark: Path):
    """vLLM reads safetensors of any name; the others look for theirs alone, and say that it is not there."""
    try:
        read(with_pickle(folder, mark))
    except ThinkSafeError as refused:
        assert refused.code == 78
    assert not mark.exists()


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.ckpt", "model.pkl", "modeling_evil.py"])
def test_neither_is_downloaded(name: str):
    assert not any(fnmatch(name, wanted) for wanted in models._WANTED)


@pytest.mark.parametrize("how", ["folder", "hub"])
def test_a_model_with_nothing_but_a_pickle_is_refused(folder: Path, mark: Path, how: str, monkeypatch):
    (with_pickle(folder, mark) / "other.safetensors").unlink()
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: str(folder))
    with pytest.raises(SettingsError, match="no safetensors weights"):
        models.local_path(str(folder) if how == "folder" else "org/name", None if how == "folder" else "a" * 40)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["adapter_model.bin", "adapter_model.pt"])
def test_an_adapter_as_a_pickle_is_refused(tmp_path: Path, mark: Path, name: str):
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8}))
    (tmp_path / name).write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(SettingsError, match=r"no adapter_model\.safetensors"):
        check_adapter(str(tmp_path), 8)
    assert not mark.exists()
