"""Chunks through one engine: every row exactly once, whatever the engine's order, the share, or a crash."""

import contextlib
import dataclasses
import random

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.progress import Progress
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage
from thinksafe.stages.streaming import Share, Work, run_chunks

ALONE = Share()
SCHEMA = pa.schema([("id", pa.string()), ("value", pa.int64())])


@dataclasses.dataclass(frozen=True)
class Item:
    key: str


class Crash(Exception):
    pass


def make(artifact, sizes, *, rng, share=ALONE, crash_after=None, window=3, seen=None):
    """Run all chunks through an engine that holds `window` rows and finishes them in random order."""

    def process(requests):
        held, finished = [], 0
        requests = iter(requests)
        while True:
            while len(held) < window:
                request = next(requests, None)
                if request is None:
                    break
                held.append(request)
                if seen is not None:
                    seen.append(request.key)
            if not held:
                return
            if finished == crash_after:
                raise Crash
            finished += 1
            yield held.pop(rng.randrange(len(held)))

    def open_work(index):
        items = [Item(f"{index}/{i}") for i in range(sizes[index])]
        return Work(items, lambda results: [{"id": results[i.key].key, "value": index} for i in items])

    progress = Progress(artifact, f"w{share.index}", total=sum(sizes))
    run_chunks(artifact, len(sizes), SCHEMA, share=share, progress=progress, open_work=open_work, process=process)
    progress.close()


def expected(sizes):
    return [f"{c}/{i}" for c, size in enumerate(sizes) for i in range(size)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(0, 5), min_size=1, max_size=6),
    crashes=st.lists(st.integers(0, 12), max_size=4),
    workers=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_rows_are_there_once_and_in_order_after_any_crashes(tmp_path_factory, sizes, crashes, workers, seed):
    store = open_store(Storage(uri=f"file://{tmp_path_factory.mktemp('store')}"))
    artifact, rng = Artifact(store, "responses", "d" * 64), random.Random(seed)
    for n, crash in enumerate(crashes):
        with contextlib.suppress(Crash):
            make(artifact, sizes, rng=rng, share=Share(n % workers, workers), crash_after=crash)
    make(artifact, sizes, rng=rng, share=Share(0, workers))
    artifact.finish({"chunks": len(sizes)})
    assert [row["id"] for row in artifact.rows()] == expected(sizes)


def test_a_second_pass_asks_the_engine_for_nothing(tmp_path):
    artifact = Artifact(open_store(Storage(uri=f"file://{tmp_path}")), "responses", "d" * 64)
    make(artifact, [2, 3], rng=random.Random(0))
    seen = []
    make(artifact, [2, 3], rng=random.Random(0), seen=seen)
    assert seen == []


def test_rows_of_the_next_chunk_enter_the_engine_before_the_last_one_is_done(tmp_path):
    artifact = Artifact(open_store(Storage(uri=f"file://{tmp_path}")), "responses", "d" * 64)
    seen = []
    with pytest.raises(Crash):
        make(artifact, [2, 2], rng=random.Random(0), window=4, crash_after=0, seen=seen)
    assert len(seen) == 4
