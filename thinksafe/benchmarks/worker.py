"""A process that scores one row at a time, so that a row that hangs can be ended: `python -m ...benchmarks.worker`.

It reads a pickled scorer, then pickled (problem, text) pairs from its standard input, and writes a pickled Score
for each. Only `pool` starts it, over pipes of its own.
"""

import os
import pickle
import resource
import sys

from thinksafe.benchmarks.base import Problem, Score, Scorer

READY = "ready"
MEMORY = 8 << 30  # bytes of address space; a monstrous power ends in MemoryError, not in a dead machine


def main() -> None:
    """Serve until the input ends."""
    # What a library prints must not end up between the answers.
    answers, rows = os.fdopen(os.dup(1), "wb"), sys.stdin.buffer
    os.dup2(2, 1)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    scorer: Scorer = pickle.load(rows)
    scored(scorer, Problem("warm-up", "", "1"), "</think>\\boxed{1}")  # its imports take seconds; no row pays for them
    answer(answers, READY)
    while True:
        try:
            problem, text = pickle.load(rows)
        except EOFError:
            return
        answer(answers, scored(scorer, problem, text))


def answer(pipe, value: object) -> None:
    pickle.dump(value, pipe)
    pipe.flush()


def scored(scorer: Scorer, problem: Problem, text: str) -> Score:
    """The score, or the name of what was raised: a row that cannot be scored is not wrong."""
    try:
        return scorer(problem, text)
    except Exception as error:
        return Score(None, f"error-{type(error).__name__}")


if __name__ == "__main__":
    main()
