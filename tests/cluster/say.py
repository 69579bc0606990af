"""One line for a step that takes long: what is being done, and how long it may take."""

import sys


def say(what: str) -> None:
    """Tell the person who waits what is being done."""
    print(f"cluster: {what}", file=sys.stderr, flush=True)
