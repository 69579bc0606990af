"""Scoring many rows in several processes, each row with a time limit of its own."""

import contextlib
import os
import pickle
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence

from thinksafe.benchmarks.base import Benchmark, Problem, Score, Scorer
from thinksafe.benchmarks.worker import READY, scored

SECONDS = 10.0
START_SECONDS = 300.0
Pair = tuple[Problem, str]


def score_all(
    benchmark: Benchmark, pairs: Sequence[Pair], *, seconds: float = SECONDS, processes: int | None = None
) -> list[Score]:
    """A score for each (problem, full text), in order. A row that takes longer than `seconds`, or brings its
    process down, is unscored (`timeout`, `crashed`) and costs no other row anything.

    A benchmark without a scorer is for the guard to judge: ValueError.
    """
    scorer = benchmark.scorer
    if scorer is None:
        raise ValueError(f"{benchmark.name} has no scorer")
    if not benchmark.can_hang:
        return [scored(scorer, problem, text) for problem, text in pairs]
    count = min(len(pairs), processes or os.cpu_count() or 1)
    return _Pool(scorer, seconds).run(pairs, count) if pairs else []


class _Worker:
    """One process, and the row that it has: `row` is None before it is ready."""

    def __init__(self, scorer: Scorer) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "thinksafe.benchmarks.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        self.row: int | None = None
        self.deadline = time.monotonic() + START_SECONDS
        self.send(scorer)

    def send(self, value: object) -> None:
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # it is dead; reading says so
            pickle.dump(value, self.process.stdin)
            self.process.stdin.flush()

    def receive(self) -> object:
        """What it says, or None if it is dead."""
        assert self.process.stdout
        try:
            return pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError):
            return None

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


class _Pool:
    """Hands out rows, one at a time to each process, and replaces a process that is late or dead."""

    def __init__(self, scorer: Scorer, seconds: float) -> None:
        self.scorer, self.seconds = scorer, seconds
        self.selector = selectors.DefaultSelector()
        self.workers = list[_Worker]()

    def run(self, pairs: Sequence[Pair], count: int) -> list[Score]:
        self.pairs, self.scores, self.next = pairs, list[Score | None]([None] * len(pairs)), 0
        try:
            for _ in range(count):
                self.start()
            while self.workers:
                self.step()
        finally:
            for worker in list(self.workers):
                self.drop(worker)
            self.selector.close()
        return [score if score else Score(None, "crashed") for score in self.scores]

    def step(self) -> None:
        wait = min(w.deadline for w in self.workers) - time.monotonic()
        for key, _ in self.selector.select(max(0.0, wait)):
            self.heard(key.data)
        now = time.monotonic()
        for worker in [w for w in self.workers if w.deadline <= now]:
            self.lost(worker, "timeout")

    def heard(self, worker: _Worker) -> None:
        said = worker.receive()
        if isinstance(said, Score) and worker.row is not None:
            self.scores[worker.row] = said
        elif said != READY:
            self.lost(worker, "crashed")
            return
        self.give(worker)

    def give(self, worker: _Worker) -> None:
        """Its next row, or its end where there is none."""
        if self.next == len(self.pairs):
            self.drop(worker)
            return
        worker.row, self.next = self.next, self.next + 1
        worker.deadline = time.monotonic() + self.seconds
        worker.send(self.pairs[worker.row])

    def lost(self, worker: _Worker, why: str) -> None:
        self.drop(worker)
        if worker.row is None:
            raise RuntimeError("a scoring process cannot start: is the scorer a function of an importable module?")
        self.scores[worker.row] = Score(None, why)
        if self.next < len(self.pairs):
            self.start()

    def start(self) -> None:
        worker = _Worker(self.scorer)
        self.workers.append(worker)
        assert worker.process.stdout
        self.selector.register(worker.process.stdout, selectors.EVENT_READ, worker)

    def drop(self, worker: _Worker) -> None:
        self.workers.remove(worker)
        assert worker.process.stdout
        self.selector.unregister(worker.process.stdout)
        worker.end()
