"""A line of progress on stdout every ten seconds, which the operator reads from the pod's log.

It is told by the worker's parent process, out of what all workers write to the store: the work itself is never
held up, neither by a slow store nor by whoever reads, and a line comes also while a model is loading.
"""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

from thinksafe import manifest
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.patience import Patience
from thinksafe.artifacts.progress import Seen, added, read_told
from thinksafe.artifacts.store import Missing, open_store
from thinksafe.errors import DataError, ThinkSafeError
from thinksafe.stages import fetching
from thinksafe.stages import run as runs
from thinksafe.stages.assignment import Assignment

MARK = "thinksafe-progress"
EVERY_SECONDS = 10.0
FEW = 16
# A store that is down is told of, not waited for.
BRIEF = Patience(seconds=3, connect=2, reply=3)
# Held while the thread of a Teller does anything but wait: whoever forks takes it, since a fork in the middle of that
# would leave locks behind that nobody opens.
AT_WORK = threading.Lock()
COUNTED = ("rows", "total", "chunks", "tokens", "seconds", "device_seconds")


class Teller:
    """Tells the progress of one stage until it is closed; `counts` is what it knows in the end."""

    def __init__(self, task: Assignment, say: Callable[[str], None] = lambda line: print(line, flush=True)) -> None:
        self._task, self._say = task, say
        self._run: runs.Run | None = None
        self._seen: dict[str, Seen] = {}
        self.step = ""  # which one is at work, as the worker says
        self._heard, self._bytes = time.time(), 0
        self._trouble = ""
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="telling", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Look a last time, and stop. Takes a few seconds at most, also while the store is down."""
        self._closed.set()
        self._thread.join(BRIEF.seconds + 1)

    @property
    def counts(self) -> dict[str, float]:
        """All artifacts of the stage added up, over all workers and attempts."""
        return added_up(list(self._seen.values()))

    def line(self) -> str:
        """The line for now: the artifact that was heard of last, or the first one while nothing was."""
        node, seen = max(self._seen.items(), key=lambda item: item[1].updated, default=("", Seen()))
        told = {"node": node, **{k: v for k, v in asdict(seen).items() if k in (*COUNTED, "phase")}}
        told["updated"] = round(max(seen.updated, self._heard), 3)
        if self.step == fetching.STEP:
            told["phase"] = "fetching"
        if self._trouble:
            told["trouble"] = self._trouble
        return f"{MARK} {json.dumps(told)}"

    # --- the thread -------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        with AT_WORK:
            self._say(self.line())
        while not self._closed.wait(EVERY_SECONDS):
            with AT_WORK:
                self._look(EVERY_SECONDS * 0.9)
                self._say(self.line())
        # The last words should be exact; only where very many workers end at once may one look serve several.
        with AT_WORK:
            self._look(0 if self._task.count <= FEW else BRIEF.seconds)

    def _look(self, fresh: float) -> None:
        """Read what the workers wrote, as of so many seconds ago. Never raises: it must not end the work."""
        if self.step == fetching.STEP and (now := fetching.cached_bytes(os.environ)) != self._bytes:
            self._heard, self._bytes = time.time(), now
        try:
            self._run = self._run or _load(self._task)
            if run := self._run:
                for node in run.plan.of_stage(self._task.stage):
                    self._seen[node.name] = shared_sum(run.artifact(node.name), self._task.count, fresh)
            self._trouble = ""
        except ThinkSafeError as error:
            self._trouble = error.reason
        except Exception as error:
            self._trouble = type(error).__name__


def _load(task: Assignment) -> runs.Run | None:
    document = manifest.read(task.file)
    store, meta = open_store(task.storage, BRIEF), document.metadata
    with contextlib.suppress(DataError):  # prepare has not made the plan yet
        return runs.load(store, document.spec, meta.namespace, meta.name, task.uid)
    return None


def is_done(task: Assignment) -> bool:
    """Whether all that the stage makes is in the store; False also if the store does not say so."""
    with contextlib.suppress(ThinkSafeError):
        run = _load(task)
        return run is not None and run.is_done(task.stage)
    return False


def added_up(seen: list[Seen]) -> dict[str, float]:
    """Pure: the numbers of several artifacts as one."""
    return {name: round(sum(getattr(s, name) for s in seen), 3) for name in COUNTED}


def shared_sum(artifact: Artifact, workers: int, fresh: float) -> Seen:
    """As `read_progress`, but of several workers one adds up for all: a sum that is not older than `fresh` seconds.

    Each worker reading all the others' objects would be the square of their number in requests.
    """
    if workers == 1:
        return added(read_told(artifact))
    key, now = f"{artifact.work}/progress.json", time.time()
    with contextlib.suppress(Missing, ValueError, TypeError, KeyError):
        told = json.loads(artifact.store.get(key))
        if 0 <= now - told.pop("at") < fresh:
            return Seen(**told)
    seen = added(read_told(artifact))
    artifact.store.put(key, json.dumps({**asdict(seen), "at": now}).encode())
    return seen
