"""The last words of a worker: how it ended, for the operator and for whoever reads the pod's status.

They are a JSON of at most 4 KiB in the container's termination log and the last line on stdout
(docs/architecture.md lists the fields). No text of a data row is ever in them: what a library says may hold
one, so of an exception that is not ours only the type is told.
"""

import contextlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from thinksafe.errors import Interrupted, ThinkSafeError

BYTES = 4096  # what Kubernetes keeps of a termination log
DIGEST_SHOWN = 16  # hex digits of a digest that still tell artifacts apart, where the whole ones do not fit

Words = dict[str, object]


def of_error(error: BaseException | None) -> Words:
    """Code, reason, message and hint of what ended the work; None: it is done."""
    if error is None:
        return {"code": 0, "reason": "Done", "message": "", "hint": ""}
    if isinstance(error, ThinkSafeError):
        message = " ".join(str(error).split())
        return {"code": error.code, "reason": error.reason, "message": message[:1500], "hint": error.hint[:500]}
    return {"code": 1, "reason": "Bug", "message": type(error).__name__, "hint": "See the worker's log"}


def interrupted() -> Words:
    """The words of a worker that was asked to stop."""
    return of_error(Interrupted("asked to stop", hint="What is committed stays; start again to continue"))


def fitted(words: Words) -> str:
    """The words as one line of at most 4 KiB. What is dropped first is what the store has too."""
    for shorten in (_same, _short_digests, _short_text, _short_gate, _without("results"), _bare):
        line = json.dumps(words := shorten(words), sort_keys=True)
        if len(line.encode()) <= BYTES:
            return line
    raise AssertionError("bare words are short")


def _same(words: Words) -> Words:
    return words


def _short_digests(words: Words) -> Words:
    found = words.get("artifacts")
    if not isinstance(found, dict):
        return words
    return {**words, "artifacts": {name: digest[:DIGEST_SHOWN] for name, digest in found.items()}}


def _short_text(words: Words) -> Words:
    return {k: v[:200] if isinstance(v, str) and k in ("message", "hint") else v for k, v in words.items()}


def _short_gate(words: Words) -> Words:
    """Whether the gate is passed is never dropped: without it the operator could not tell how the run ended."""
    gate = words.get("gate")
    if not isinstance(gate, dict) or not isinstance(gate.get("failed"), list):
        return words
    return {**words, "gate": {**gate, "failed": [sentence[:100] for sentence in gate["failed"][:8]]}}


def _without(name: str) -> Callable[[Words], Words]:
    return lambda words: {k: v for k, v in words.items() if k != name}


def _bare(words: Words) -> Words:
    kept = ("code", "reason", "message", "hint", "stage")
    return {k: v[:100] if isinstance(v, str) else v for k, v in words.items() if k in kept}


def leave(words: Words) -> int:
    """Print the last line and write it to the termination log; returns the exit code."""
    if words["code"]:
        print(f"thinksafe: {words.get('message')}. {words.get('hint')}", file=sys.stderr, flush=True)
    line = fitted(words)
    print(line, flush=True)
    note(line)
    return int(str(words["code"]))


def note(line: str) -> None:
    """Write a line to the termination log, in the place of what is there; without a log it does nothing."""
    log = Path(os.environ.get("THINKSAFE_TERMINATION_LOG", "/dev/termination-log"))
    if log.exists():
        with contextlib.suppress(OSError):
            log.write_text(line)
