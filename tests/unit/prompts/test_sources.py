"""Opening and naming sources: every fault of a file is one clear line; a fingerprint follows the content."""

import hashlib
from pathlib import Path

import pytest

from thinksafe.errors import AccessError, DataError, SettingsError
from thinksafe.prompts import sources


def test_a_plain_path_and_a_file_uri_name_the_same_file(tmp_path):
    path = tmp_path / "a b%.csv"
    path.write_text("x")
    for uri in (str(path), path.as_uri(), path.as_uri().replace("file://", "file://localhost")):
        with sources.opened(uri) as paths:
            assert paths == [path]


def test_a_relative_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.csv").write_text("a\n1\n")
    for uri in ("x.csv", "file://./x.csv"):
        with sources.opened(uri) as paths:
            assert paths[0].read_text() == "a\n1\n"


def test_a_files_fingerprint_is_its_bytes_and_kind(tmp_path):
    one, two, tsv = (tmp_path / name for name in ("one.csv", "two.CSV", "one.tsv"))
    for path in (one, two, tsv):
        path.write_bytes(b"a\n1\n")
    expected = "sha256:" + hashlib.sha256(b"a\n1\n").hexdigest() + ".csv"
    assert sources.fingerprint(str(one)) == sources.fingerprint(two.as_uri()) == expected
    assert sources.fingerprint(str(tsv)) != expected
    one.write_bytes(b"a\n2\n")
    assert sources.fingerprint(str(one)) != expected


def test_a_tiny_fingerprint_knows_its_defaults():
    assert sources.fingerprint("tiny://prompts") == sources.fingerprint("tiny://prompts?benign=400&seed=0")
    assert sources.fingerprint("tiny://prompts") != sources.fingerprint("tiny://prompts?seed=1")


def test_faults_of_a_file(tmp_path):
    (tmp_path / "empty.csv").touch()
    for name, said in (("gone.csv", "no such file"), ("empty.csv", "empty"), ("", "is a folder")):
        with pytest.raises(DataError, match=said), sources.opened(str(tmp_path / name)):
            pass


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    for call in ("stat", "open"):  # a closed folder, a closed file; root, as whom tests may run, can read both
        with monkeypatch.context() as patch:
            patch.setattr(Path, call, closed)
            with pytest.raises(AccessError, match="no permission"):
                sources.fingerprint(str(path))


def closed(*_, **__):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("uri", ["https://x.org/a.csv", "gs://b/k", "file://elsewhere/a.csv", "s3://bucket", "s3:///k",
                                 "s3://b/folder/", "hf://onlyname", "hf://org/name@main"])  # fmt: skip
def test_addresses_that_cannot_be(uri):
    with pytest.raises(SettingsError) as caught, sources.opened(uri):
        pass
    assert caught.value.code == 78
    assert uri in str(caught.value)


def test_the_commit_is_read_out_of_a_fingerprint():
    assert sources.commit(f"hf:org/name@{'c' * 40}:data/train.parquet,data/b@1.parquet") == "c" * 40
    assert sources.commit("sha256:abc.csv") is None
