"""A worker process: one stage of one run, told how by its arguments; ends with an exit code and a last line."""

import subprocess
import sys
import traceback
from pathlib import Path

from thinksafe.artifacts.store import open_store
from thinksafe.errors import ThinkSafeError, UsageError
from thinksafe.spec import Manifest, Storage
from thinksafe.stages import run as runs
from thinksafe.stages import worker
from thinksafe.stages.streaming import Share

# The steps of evaluate hold different models; each is a process of its own (stages/evaluate.py).
STEPS = {"evaluate": ("evaluate:answer", "evaluate:score")}


def run_worker(
    manifest: Manifest, storage: Storage, file: Path, stage: str, uid: str, index: int, count: int
) -> int:
    """Do a stage; returns the exit code after printing the last line."""
    if stage in STEPS:
        for step in STEPS[stage]:
            code = _child(file, storage, step, uid, index, count)
            if code:
                return code
        return 0
    error, done = None, dict[str, str]()
    try:
        done = _do(manifest, storage, stage, uid, Share(index, count))
    except ThinkSafeError as failure:
        error = failure
    except Exception as bug:  # reported by its type alone: its text may hold a row
        traceback.print_exc()
        error = bug
    return worker.leave(worker.last_words(error, stage=stage, done=done))


def _child(file: Path, storage: Storage, step: str, uid: str, index: int, count: int) -> int:
    command = [sys.executable, "-m", "thinksafe", "worker", step, str(file), "--uid", uid, "--store", storage.uri]
    return subprocess.run([*command, "--index", str(index), "--count", str(count)], check=False).returncode


def _do(manifest: Manifest, storage: Storage, stage: str, uid: str, share: Share) -> dict[str, str]:
    """Run the stage's function; returns the digests of what it made."""
    store, meta = open_store(storage), manifest.metadata
    if stage == "prepare":
        from thinksafe.stages.prepare import prepare

        run = prepare(manifest, store, uid, lambda what: print(what, flush=True))
        # The operator learns from these which stages are in the store already.
        return {n.name: n.digest for n in run.plan.nodes}
    run = runs.load(store, manifest.spec, meta.namespace, meta.name, uid)
    bench = worker.Bench(run, worker.worker_name())
    name, _, rest = stage.partition(":")
    base, _, rung = name.partition("-")
    at = int(rung or 1)
    if name not in run.plan.stages:
        raise UsageError(f"there is no stage {stage}", hint=f"This run has {', '.join(run.plan.stages)}")
    if base == "generate":
        from thinksafe.stages.generate import generate

        generate(run, at, share, bench)
    elif base == "filter":
        from thinksafe.stages.filter import filter_responses

        filter_responses(run, at, share, bench)
    elif base == "train":
        from thinksafe.stages.train import train

        train(run, bench)
    elif base == "evaluate":
        from thinksafe.stages import evaluate

        (evaluate.answer if rest == "answer" else evaluate.score)(run, share, bench)
    else:
        from thinksafe.stages.report import report

        report(run, bench)
    return {n.name: n.digest for n in run.plan.of_stage(name) if run.artifact(n.name).is_complete()}
