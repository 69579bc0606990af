"""One line for a step that takes long: what is being done, and how long it may take."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is being done and, when it is done, how long it took."""
    print(f"cluster: {what} …", end="", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(" failed", file=sys.stderr, flush=True)
        raise
    print(f" {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
