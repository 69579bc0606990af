"""A released adapter is vouched for as a whole, and refused when anything in it is changed, gone or added."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from unit.attestation.finished import COMMIT

from thinksafe import cli
from thinksafe.artifacts.folder import FolderStore
from thinksafe.attestation.place import Place
from thinksafe.attestation.verify import Expected, Verified, verify
from thinksafe.errors import DataError, SettingsError

examples = settings(deadline=None, max_examples=60)  # each writes files
FILES = ["README.md", "adapter_config.json", "adapter_model.safetensors", "curve.json"]


def checked(folder: Path, **expected: str) -> Verified:
    return verify(Place(FolderStore(folder)), Expected(**expected))


def refused(folder: Path, **expected: str) -> DataError:
    with pytest.raises(DataError) as caught:
        checked(folder, **expected)
    return caught.value


def rewrite(folder: Path, change) -> None:
    """Change the statement as a document."""
    path = folder / "statement.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def put(folder: Path, name: str, content: bytes) -> None:
    """Put a file there and let the statement vouch for it, as whoever may write both can."""

    def change(document):
        said = {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}}
        document["subject"] = [s for s in document["subject"] if s["name"] != name] + [said]

    (folder / name).write_bytes(content)
    rewrite(folder, change)


def test_what_was_published_is_vouched_for(adapter):
    found = checked(adapter)
    assert sorted(found.sizes) == FILES == sorted(p.name for p in adapter.iterdir() if p.name != "statement.json")
    assert found.sizes["adapter_model.safetensors"] == (adapter / "adapter_model.safetensors").stat().st_size
    assert found.sha256 == hashlib.sha256((adapter / "statement.json").read_bytes()).hexdigest()


@examples
@given(st.data())
def test_a_flipped_bit_in_any_file_is_refused(adapter, copies, data):
    name = data.draw(st.sampled_from(FILES))
    content = bytearray((adapter / name).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with copies() as folder:
        (folder / name).write_bytes(content)
        error = refused(folder)
        assert error.reason == "FileChanged" and name in str(error) and error.code == 65


@examples
@given(st.data())
def test_a_file_that_is_longer_or_shorter_is_refused(adapter, copies, data):
    name = data.draw(st.sampled_from(FILES))
    content = (adapter / name).read_bytes()
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    other = data.draw(st.sampled_from([cut, content + b"\0", content + b"\n", b""]))
    with copies() as folder:
        (folder / name).write_bytes(other)
        assert refused(folder).reason == "FileChanged"


@examples
@given(st.data())
def test_a_flipped_bit_in_the_statement_is_refused_by_who_knows_its_digest(adapter, copies, data):
    content = bytearray((adapter / "statement.json").read_bytes())
    known = hashlib.sha256(content).hexdigest()
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with copies() as folder:
        assert checked(folder, statement=known)
        (folder / "statement.json").write_bytes(content)
        assert refused(folder, statement=known).reason == "OtherStatement"


@examples
@given(st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_in_the_statement_never_makes_another_file_pass(adapter, copies, place, bit):
    """Whatever the statement says then, the files it vouches for are the same bytes."""
    content = bytearray((adapter / "statement.json").read_bytes())
    content[place % len(content)] ^= 1 << bit
    with copies() as folder:
        (folder / "statement.json").write_bytes(content)
        try:
            found = checked(folder)
        except DataError:
            return
        assert found.statement.files == checked(adapter).statement.files


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(copies, name):
    with copies() as folder:
        (folder / name).unlink()
        error = refused(folder)
        assert error.reason == "FileMissing" and name in str(error)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "adapter_model.bin", "x.json", ".hidden", "statement.json.bak"])
def test_a_file_that_nobody_vouches_for_is_refused(copies, name):
    with copies() as folder:
        (folder / name).write_bytes(b"{}")
        error = refused(folder)
        assert error.reason == "FileAdded" and name in str(error)


def test_so_is_a_folder_even_one_that_the_store_itself_passes_over(copies):
    for name in ("more", ".tmp"):
        with copies() as folder:
            (folder / name).mkdir()
            (folder / name / "x.py").write_text("")
            assert refused(folder).reason == "FileAdded"


def test_so_is_a_link_out_of_the_folder(copies, tmp_path):
    with copies() as folder:
        (folder / "adapter_config.json").rename(tmp_path / "elsewhere")
        (folder / "adapter_config.json").symlink_to(tmp_path / "elsewhere")
        assert refused(folder).reason == "FileMissing"


def test_a_folder_without_a_statement_is_no_release(tmp_path, copies):
    assert refused(tmp_path / "nowhere").reason == "NoStatement"
    with copies() as folder:
        (folder / "statement.json").unlink()
        assert refused(folder).reason == "NoStatement"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("adapter_model.safetensors", b"\x80\x04cposix\nsystem\n(S'true'\ntR."),
        ("adapter_model.safetensors", save({})),
        ("adapter_model.safetensors", save({"a": np.zeros(3, np.float32)}) + b"more"),
        ("adapter_config.json", b"\x80\x04cposix\nsystem\n(S'true'\ntR."),
        ("adapter_config.json", b"{"),
        ("README.md", b"\x80\x04cposix\nsystem\n(S'true'\ntR."),
        ("adapter_model.bin", b"\x80\x04."),
        ("model.pt", b"PK\x03\x04"),
        ("weights.npz", b"PK\x03\x04"),
        ("modeling_x.py", b"import os"),
        ("pickle", b"\x80\x04."),
    ],
)
def test_what_could_run_code_is_refused_though_the_statement_vouches_for_it(copies, name, content):
    with copies() as folder:
        put(folder, name, content)
        assert refused(folder).reason in ("NotSafetensors", "ForeignFile")


def test_an_adapter_without_weights_is_refused(copies):
    with copies() as folder:
        (folder / "adapter_model.safetensors").unlink()
        rewrite(folder, lambda d: d.update(subject=[s for s in d["subject"] if "weights" not in s["name"]
                                                    and not s["name"].endswith(".safetensors")]))  # fmt: skip
        assert refused(folder).reason == "NotSafetensors"


def test_a_gate_that_did_not_pass_is_refused(copies):
    def change(document):
        gate = document["predicate"]["gate"]
        gate["passed"] = gate["rules"][0]["passed"] = False
        gate["sentence"] = "The gate did not pass: 1 of 4 checks failed."

    with copies() as folder:
        rewrite(folder, change)
        error = refused(folder)
        assert error.reason == "GateNotPassed" and "1 of 4" in str(error)


def test_the_base_model_can_be_asked_for(adapter):
    assert checked(adapter, base_model="Qwen/Qwen3-8B")
    for revision in ("main", COMMIT):
        assert checked(adapter, base_model="Qwen/Qwen3-8B", revision=revision)
    for asked in ({"base_model": "Qwen/Qwen3-4B"}, {"revision": "0" * 40}, {"revision": ""}):
        assert refused(adapter, **asked).reason == "OtherBaseModel"


def test_the_command_shows_what_it_vouches_for(adapter, capsys):
    cli.verify(str(adapter), base_model="Qwen/Qwen3-8B")
    shown = capsys.readouterr().out
    known = hashlib.sha256((adapter / "statement.json").read_bytes()).hexdigest()
    for word in ("Qwen/Qwen3-8B", COMMIT[:16], "tiny-harmful", "adapter_model.safetensors", "The gate passed", known):
        assert word in shown


def test_the_command_refuses_in_one_line_and_with_its_exit_code(copies):
    with copies() as folder:
        (folder / "curve.json").write_text("[1]")
        command = [sys.executable, "-m", "thinksafe", "verify", str(folder)]
        bad = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (65, "") and "curve.json: was changed" in bad.stderr
    assert len(bad.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("uri", ["ftp://host/x", "s3://", "file://host/x", "https://bucket/x"])
def test_an_address_that_is_none_is_said_so(uri):
    with pytest.raises(SettingsError, match=uri):
        cli.verify(uri)
