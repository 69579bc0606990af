"""Progress on stdout: what is told, what it costs, and that it holds nothing up."""

import json
import time

import pytest
from integration.runs import manifest

from thinksafe import manifest as manifests
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.progress import Progress, read_progress
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage
from thinksafe.stages import telling
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.prepare import prepare


@pytest.fixture
def planned(tmp_path):
    """(run, assignment of its generate stage)."""
    file, storage = manifest(tmp_path), Storage(uri=f"file://{tmp_path / 'store'}")
    run = prepare(manifests.read(file), open_store(storage), "u", lambda what: None)
    return run, Assignment(file, storage, "generate", "u")


def told(lines):
    return [json.loads(line.removeprefix(f"{telling.MARK} ")) for line in lines if line.startswith(telling.MARK)]


def test_a_line_comes_at_once_and_then_again_with_what_all_workers_did(planned, monkeypatch):
    run, task = planned
    monkeypatch.setattr(telling, "EVERY_SECONDS", 0.2)
    for worker, rows in (("a", 3), ("b", 4)):
        with Progress(run.artifact("responses-1"), worker, total=48, device=1) as progress:
            progress.add(rows=rows, chunks=1, tokens=10 * rows)
    lines = []
    teller = telling.Teller(task, lines.append)
    time.sleep(1)
    teller.close()
    first, *_, last = told(lines)
    assert first["rows"] == 0 and first["updated"] > time.time() - 60
    assert (last["node"], last["rows"], last["total"], last["chunks"]) == ("responses-1", 7, 48, 2)
    assert last.keys() >= {"tokens", "seconds", "device_seconds", "updated"}
    assert teller.counts["rows"] == 7 and teller.counts["tokens"] == 70


def test_a_store_that_is_down_is_told_and_waited_for_by_nobody(planned, monkeypatch):
    _, task = planned
    monkeypatch.setattr(telling, "EVERY_SECONDS", 0.1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    down = Storage(uri="s3://bucket/x", endpoint="http://127.0.0.1:9")
    lines, began = [], time.monotonic()
    teller = telling.Teller(Assignment(task.file, down, "generate", "u"), lines.append)
    assert time.monotonic() - began < 0.5 and len(told(lines)) == 1
    time.sleep(5)
    teller.close()
    assert time.monotonic() - began < 5 + 2 * telling.BRIEF.seconds + 1
    assert told(lines)[-1]["trouble"] == "StoreUnavailable"


class Counting:
    """A store that counts what is read from it."""

    def __init__(self, store):
        self.store, self.reads = store, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    def get(self, key):
        self.reads += 1
        return self.store.get(key)


def test_of_many_workers_one_adds_up_for_all(tmp_path):
    store = Counting(open_store(Storage(uri=f"file://{tmp_path}")))
    artifact = Artifact(store, "responses", "d")
    for i in range(20):
        with Progress(artifact, f"w{i}", total=100) as progress:
            progress.add(rows=2, chunks=1)
    store.reads = 0
    seen = [telling.shared_sum(artifact, 20, 9.0) for _ in range(20)]
    assert {s.rows for s in seen} == {40} and seen[0] == read_progress(artifact)
    assert store.reads < 20 * 4
    with Progress(artifact, "late", total=100) as progress:
        progress.add(rows=1, chunks=1)
    assert telling.shared_sum(artifact, 20, 0).rows == 41
