import json
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.artifacts import progress as room
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.folder import FolderStore
from thinksafe.artifacts.progress import Progress, Seen, added, read_progress
from thinksafe.errors import TemporaryError


@pytest.fixture
def artifact(tmp_path: Path) -> Artifact:
    return Artifact(FolderStore(tmp_path), "responses", "ab" * 32)


def test_what_all_attempts_did_is_added_up(artifact):
    assert read_progress(artifact) == Seen()
    for attempt in ("node/1:a", "node-2"):
        with Progress(artifact, attempt, total=50, device=attempt == "node-2") as progress:
            progress.phase("loading")
            progress.add(tokens=100)
            progress.add(rows=10, chunks=1, tokens=5)
    seen = read_progress(artifact)
    assert (seen.rows, seen.total, seen.chunks, seen.tokens, seen.workers) == (20, 50, 2, 210, 2)
    assert 0 < seen.device_seconds < seen.seconds and seen.phase == "loading" and seen.updated > 0


def test_a_commit_is_told_before_add_returns(artifact):
    with Progress(artifact, "w", total=2) as progress:
        progress.add(rows=1, chunks=1)
        assert read_progress(artifact).rows == 1


def test_a_resumed_training_is_not_counted_twice(artifact):
    for start in (0, 40):
        with Progress(artifact, f"attempt-{start}") as progress:
            progress.set(rows=start + 30, total=100, tokens=(start + 30) * 7)
    seen = read_progress(artifact)
    assert (seen.rows, seen.total, seen.tokens) == (70, 100, 490)


@pytest.mark.parametrize("error", [TemporaryError("down"), OSError("gone"), ValueError("bug")])
def test_a_store_that_fails_does_not_end_the_work(artifact, monkeypatch, error):
    def fail(self, key: str, data: bytes) -> None:
        raise error

    monkeypatch.setattr(FolderStore, "put", fail)
    with Progress(artifact, "w", total=3) as progress:
        progress.add(rows=3, chunks=1)
    assert read_progress(artifact) == Seen()


def test_a_store_that_hangs_does_not_hold_up_the_work(artifact, monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(room, "_FLUSH_SECONDS", 0.05)
    monkeypatch.setattr(FolderStore, "put", lambda *_: never.wait(60))
    with Progress(artifact, "w", total=3) as progress:
        for _ in range(100):
            progress.add(rows=1)
        progress.flush(0.05)
    assert not never.is_set()
    never.set()


def test_a_damaged_document_is_left_out(artifact):
    with Progress(artifact, "w", total=3) as progress:
        progress.add(rows=1, chunks=1)
    artifact.store.put(f"{artifact.work}/progress/cut.json", b'{"rows": 1')
    assert read_progress(artifact).rows == 1


counts = st.integers(0, 10**6)
documents = st.fixed_dictionaries(
    {
        "rows": counts, "chunks": counts, "tokens": counts, "total": counts, "phase": st.text(max_size=3),
        "seconds": st.floats(0, 1e6), "device_seconds": st.floats(0, 1e6), "updated": st.floats(1, 2e9),
        "reached": st.fixed_dictionaries({"rows": counts, "tokens": counts}),
    }
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(documents, min_size=1, max_size=4))
def test_never_more_rows_than_there_are(told):
    seen = added(json.loads(json.dumps(told)))
    assert seen.total == max(d["total"] for d in told) and (not seen.total or seen.rows <= seen.total)
    assert seen.chunks == sum(d["chunks"] for d in told) and seen.updated == max(d["updated"] for d in told)
