import json
import shutil
import tempfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.folder import FolderStore
from thinksafe.artifacts.store import Missing
from thinksafe.errors import DataError, TemporaryError

SCHEMA = pa.schema([("id", pa.string())])


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return Artifact(FolderStore(tmp_path), "responses", "ab" * 32)


def rows(*ids: str) -> list[dict]:
    return [{"id": i} for i in ids]


def test_an_artifact_from_first_chunk_to_manifest(artifact, tmp_path):
    assert not artifact.is_complete() and artifact.committed() == {} and artifact.files() == []
    with pytest.raises(Missing):
        artifact.manifest()
    assert artifact.commit_chunk(1, rows("c"), SCHEMA) and artifact.commit_chunk(0, rows("a", "b"), SCHEMA)
    assert artifact.commit_chunk(2, [], SCHEMA) and not artifact.commit_chunk(1, rows("late"), SCHEMA)
    (tmp_path / "adapter.bin").write_bytes(b"weights")
    artifact.put_file("adapter.bin", tmp_path / "adapter.bin")
    artifact.put_file("adapter.bin", b"of a later attempt")
    artifact.put_file("curve.json", b"[1]")
    artifact.store.put(f"{artifact.work}/checkpoints/1/x", b"not part of it")
    artifact.finish({"chunks": 3, "inputs": {"prompts": "00"}})
    assert artifact.is_complete() and list(artifact.rows()) == rows("a", "b", "c") and artifact.read_chunk(2) == []
    assert list(artifact.committed()) == [0, 1, 2] and artifact.files() == ["adapter.bin", "curve.json"]
    manifest = artifact.manifest()
    assert (manifest["rows"], manifest["chunks"], manifest["inputs"]) == (3, 3, {"prompts": "00"})
    files = [(o["name"], o["bytes"]) for o in manifest["objects"][3:]]
    assert files == [("files/adapter.bin", 7), ("files/curve.json", 3)]
    assert [o.get("rows") for o in manifest["objects"]] == [2, 1, 0, None, None]
    assert artifact.get_file("adapter.bin") == b"weights" and artifact.verify() == []


def test_the_manifest_is_written_once(artifact):
    artifact.commit_chunk(0, rows("a"), SCHEMA)
    artifact.finish({"chunks": 1, "cost": 1})
    first = artifact.store.get(f"{artifact.prefix}/manifest.json")
    artifact.finish({"chunks": 1, "cost": 2})
    assert artifact.store.get(f"{artifact.prefix}/manifest.json") == first
    assert json.dumps(json.loads(first), sort_keys=True, indent=1).encode() == first


def test_a_missing_chunk_keeps_it_unfinished(artifact):
    artifact.commit_chunk(0, rows("a"), SCHEMA)
    artifact.commit_chunk(2, rows("c"), SCHEMA)
    with pytest.raises(TemporaryError, match=r"chunk 1 is not committed \(1 of 3 are missing\)"):
        artifact.finish({"chunks": 3})
    with pytest.raises(DataError, match="has 2 chunks, but its inputs make 1"):
        artifact.finish({"chunks": 1})
    assert not artifact.is_complete()
    with pytest.raises(ValueError, match="rows"):
        artifact.finish({"chunks": 3, "rows": 7})


def test_verify_tells_what_is_gone_and_what_changed(artifact):
    for i in range(3):
        artifact.commit_chunk(i, rows(str(i)), SCHEMA)
    artifact.put_file("notes", b"n")
    artifact.finish({"chunks": 3})
    artifact.store.delete(artifact.committed()[1])
    artifact.store.put(artifact.committed()[2], artifact.store.get(artifact.committed()[2])[:-1])
    artifact.store.put(f"{artifact.prefix}/files/notes", b"m")
    said = artifact.verify()
    assert [s.split(": ")[1][:11] for s in said] == ["is gone", "is not what", "is not what"]
    assert "chunks/000001" in said[0] and "chunks/000002" in said[1] and "files/notes" in said[2]


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b'{"format": "other"}', b"null"])
def test_a_damaged_manifest_is_told_by_its_key(artifact, text):
    artifact.store.put(f"{artifact.prefix}/manifest.json", text)
    with pytest.raises(DataError, match=f"artifacts/responses/{artifact.digest}/manifest.json"):
        artifact.manifest()


def test_damaged_chunks_are_told_by_their_key(artifact):
    artifact.commit_chunk(0, rows("a"), SCHEMA)
    key = artifact.committed()[0]
    artifact.store.put(key, artifact.store.get(key)[:50])
    finish = {"chunks": 1}
    for call in (lambda: artifact.read_chunk(0), lambda: list(artifact.rows()), lambda: artifact.finish(finish)):
        with pytest.raises(DataError, match=r"chunks/000000\.parquet: a damaged or cut-off"):
            call()
    assert not artifact.is_complete()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "../x", "a b"])
def test_files_have_plain_names(artifact, name):
    with pytest.raises(ValueError, match="not a plain file name"):
        artifact.put_file(name, b"")


class Killed(BaseException):
    """What SIGKILL is to a process: nothing after it runs, except that Python unwinds."""


class CommitsAndCrashes(RuleBasedStateMachine):
    """Workers commit, crash before or after a write is visible, and finish, in any order."""

    CHUNKS = 4

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="thinksafe-")
        self.artifact = Artifact(FolderStore(Path(self.folder)), "scores", "0" * 64)
        self.kept, self.sealed = dict[int, list[dict]](), None

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    @rule(index=st.integers(0, CHUNKS - 1), ids=st.lists(st.sampled_from("abcdef"), max_size=3))
    def commit(self, index: int, ids: list[str]) -> None:
        won = self.artifact.commit_chunk(index, rows(*ids), SCHEMA)
        assert won == (index not in self.kept)
        self.kept.setdefault(index, rows(*ids))

    @rule(index=st.integers(0, CHUNKS - 1), late=st.booleans())
    def crash_in_a_commit(self, index: int, late: bool) -> None:
        import thinksafe.artifacts.folder as room

        link = room._link

        def killed(*where: Path) -> bool:
            if late:
                link(*where)
            raise Killed

        room._link = killed
        try:
            assert not self.artifact.commit_chunk(index, rows("killed"), SCHEMA) and index in self.kept
        except Killed:
            if late:
                self.kept.setdefault(index, rows("killed"))
        finally:
            room._link = link

    @rule()
    def finish(self) -> None:
        try:
            self.artifact.finish({"chunks": self.CHUNKS})
        except TemporaryError:
            assert len(self.kept) < self.CHUNKS
            return
        assert len(self.kept) == self.CHUNKS
        self.sealed = self.sealed or self.artifact.manifest()

    @invariant()
    def what_is_committed_is_there_and_never_changes(self) -> None:
        if not hasattr(self, "artifact"):
            return
        assert {i: self.artifact.read_chunk(i) for i in self.artifact.committed()} == self.kept
        assert self.artifact.is_complete() == (self.sealed is not None)
        if self.sealed:
            assert self.artifact.manifest() == self.sealed and self.artifact.verify() == []


TestCommitsAndCrashes = CommitsAndCrashes.TestCase
TestCommitsAndCrashes.settings = settings(max_examples=25, stateful_step_count=12, deadline=None)
