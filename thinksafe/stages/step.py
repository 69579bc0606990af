"""One step of a stage, in a process of its own: `python -m thinksafe.stages.step ASSIGNMENT FD PARENT`.

It does the work and writes its last words, as JSON, to the file descriptor; its parent (stages/supervise.py)
does the rest. SIGTERM ends it at once: what is committed stays, and training first writes a checkpoint.
"""

import json
import os
import signal
import sys
import traceback
from types import FrameType
from typing import NoReturn

from thinksafe import manifest
from thinksafe.artifacts.patience import Patience
from thinksafe.artifacts.store import open_store
from thinksafe.errors import ThinkSafeError, UsageError
from thinksafe.spec import Manifest
from thinksafe.stages import faults, fetching, processes, reach, words, worker
from thinksafe.stages import run as runs
from thinksafe.stages.assignment import PROBE_STEPS, Assignment
from thinksafe.stages.facts import facts
from thinksafe.stages.streaming import Share

# Where storage is wrong, prepare meets it first: its user waits for an answer, and nothing is lost by giving up.
PREPARE_PATIENCE = Patience(seconds=45, connect=5, reply=20)


class _Stop(BaseException):
    """SIGTERM came. Not an Exception, so that no library takes it for a fault of its own and goes on."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    # Once is enough: a second one would cut short the engine's own end.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _Stop


def main() -> None:
    """Do the assignment of the command line."""
    told, descriptor, parent = sys.argv[1:]
    do(Assignment.from_json(told), int(descriptor), int(parent))


def do(task: Assignment, descriptor: int, parent: int) -> NoReturn:
    """Do the assignment; ends with its exit code, whatever a native library's threads are at."""
    processes.die_with_parent(parent)
    reach.keep_away()
    signal.signal(signal.SIGTERM, _stop)
    os.set_inheritable(descriptor, False)  # what this process starts shall not keep the parent waiting
    last = perform(task)
    os.write(descriptor, json.dumps(last).encode())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(last["code"])


def perform(task: Assignment) -> dict:
    """Do the step; returns its last words, whatever happens."""
    try:
        return {**words.of_error(None), **_do(task)}  # what is asked to stop from here on is done all the same
    except _Stop:
        return words.interrupted()
    except ThinkSafeError as failure:
        return words.of_error(faults.with_hint(failure, task))
    except Exception as error:
        _show(error)
        return words.of_error(faults.of_machine(error, task) or error)


def _show(error: BaseException) -> None:
    """Print where an error came from, without what it says: its text may hold a row."""
    chain, seen = error, set[int]()
    while chain is not None and id(chain) not in seen:
        seen.add(id(chain))
        print("".join(traceback.format_tb(chain.__traceback__)) + type(chain).__name__, file=sys.stderr, flush=True)
        chain = chain.__cause__ or chain.__context__


def _do(task: Assignment) -> dict:
    """Run the stage's function; returns the digests of what it made, and the stage's own facts."""
    document = manifest.read(task.file)
    if task.stage == "prepare" and not task.step:
        from thinksafe.stages.prepare import prepare

        store = open_store(task.storage, PREPARE_PATIENCE)
        run = prepare(document, store, task.uid, lambda what: print(what, flush=True))
        # The operator learns from these which artifacts the run has, and from `held` which are there already.
        return {"artifacts": {n.name: n.digest for n in run.plan.nodes}, **facts(run, task.stage)}
    run = load(task, document)
    if task.stage not in run.plan.stages:
        raise UsageError(f"there is no stage {task.stage}", hint=f"This run has {', '.join(run.plan.stages)}")
    if task.step == fetching.STEP:
        fetching.fetch(run, task)
        return {}
    _stage(run, task)
    made = {n.name: n.digest for n in run.plan.of_stage(task.stage) if run.artifact(n.name).is_complete()}
    return {"artifacts": made, **facts(run, task.stage)}


def load(task: Assignment, document: Manifest, patience: Patience | None = None) -> runs.Run:
    """The run whose plan `prepare` recorded."""
    meta, store = document.metadata, open_store(task.storage, patience)
    return runs.load(store, document.spec, meta.namespace, meta.name, task.uid)


def _stage(run: runs.Run, task: Assignment) -> None:
    share, bench = Share(task.index, task.count), worker.Bench(run, worker.worker_name())
    if task.step in PROBE_STEPS:
        from thinksafe.stages import probe

        (probe.answer if task.step == PROBE_STEPS[0] else probe.judge)(run, share, bench)
    elif task.base == "generate":
        from thinksafe.stages.generate import generate

        generate(run, task.rung, share, bench)
    elif task.base == "filter":
        from thinksafe.stages.filter import filter_responses

        filter_responses(run, task.rung, share, bench, task.step or "guard")
    elif task.base == "train":
        from thinksafe.stages.train import train

        train(run, bench)
    elif task.base == "evaluate":
        from thinksafe.stages import evaluate

        (evaluate.answer if task.step == "answer" else evaluate.score)(run, share, bench)
    else:
        from thinksafe.stages.report import report

        report(run, bench)


if __name__ == "__main__":
    main()
