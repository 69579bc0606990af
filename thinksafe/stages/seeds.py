"""The seed of a response is a function of the row alone: never of worker, chunk, attempt or time."""

import hashlib


def row_seed(run_seed: int, *parts: str | int) -> int:
    """A seed below 2**31 out of the run's seed and what names the row (id, sample, rung, ...)."""
    text = "\x1f".join(str(p) for p in (run_seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
