"""Chunks through one engine without a pause at their borders, each committed when its last row is done.

Every worker starts with its own chunks and then helps with what nobody has committed yet; the first
writer of a chunk wins. So a crash costs the chunks in flight, and a slow worker costs no one else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.chunks import order
from thinksafe.artifacts.progress import Progress


@dataclass
class Work:
    """One chunk on its way: `requests` go to the engine, `build` makes the rows out of their results.

    A request and its result share a `key`; `results` is by key.
    """

    requests: list
    build: Callable[[dict], list[dict]]
    results: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Share:
    """Which part of a stage this process does: worker `index` of `count`."""

    index: int = 0
    count: int = 1


def run_chunks(
    artifact: Artifact,
    chunks: int,
    schema: pa.Schema,
    *,
    share: Share,
    progress: Progress,
    open_work: Callable[[int], Work],
    process: Callable[[Iterable], Iterator],
    tokens: Callable[[Any], int] = lambda result: 0,
) -> None:
    """Commit every chunk of `artifact` that is not committed yet.

    `open_work(i)` reads chunk i's inputs; `process` is the engine: it pulls requests lazily and yields a
    result for each in any order. Memory is that of the chunks in flight. Returns when all are committed.
    """
    waiting: dict[int, Work] = {}
    done = artifact.committed()

    def commit(index: int) -> None:
        work = waiting.pop(index)
        rows = work.build(work.results)
        artifact.commit_chunk(index, rows, schema)
        progress.add(rows=len(rows), chunks=1)

    chunk_of: dict[str, int] = {}

    def requests() -> Iterator:
        for index in order(share.index, share.count, chunks):
            if index in done or (share.count > 1 and index in artifact.committed()):
                continue
            work = waiting[index] = open_work(index)
            if not work.requests:
                commit(index)
            for request in work.requests:
                chunk_of[request.key] = index
                yield request

    for result in process(requests()):
        index = chunk_of.pop(result.key)
        work = waiting[index]
        work.results[result.key] = result
        progress.add(tokens=tokens(result))
        if len(work.results) == len(work.requests):
            commit(index)
