"""Workers of a training group for the tests: a store in which only training is left to do, and the real command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from integration.runs import environment, manifest

from thinksafe import manifest as manifests
from thinksafe import tokenization
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage
from thinksafe.stages import schemas
from thinksafe.stages.prepare import prepare

ROWS = 24
# Without dropout, whose random numbers are a process's own; slow enough to be met in the middle.
TRAINING = {"dropout": 0.0, "epochs": 20, "batchSize": 4, "checkpointEvery": 5, "rank": 4, "targets": ["q_proj"]}


def prepared(folder: Path, **training: object) -> tuple[Path, Path]:
    """(manifest, store) of a run whose data set was chosen: no engine is needed to come so far."""
    file, store = manifest(folder, training={**TRAINING, **training}), folder / "store"
    document = manifests.read(file)
    run = prepare(document, open_store(Storage(uri=f"file://{store}")), "u", lambda what: None)
    tokenizer = tokenization.load(run.model("student"))
    prompts = list(run.artifact("prompts").rows())[:ROWS]
    rows = [_row(p, tokenization.prompt_ids(tokenizer, p["prompt"])) for p in prompts]
    run.artifact("dataset").commit_chunk(0, rows, schemas.DATASET)
    labels = {label: sum(p["label"] == label for p in prompts) for label in ("harmful", "benign")}
    counts = [{"label": label, "rung": 1, "reason": "kept", "count": n} for label, n in labels.items()]
    run.finish("dataset", chunks=1, counts=counts, lengths=[], prompts=labels)
    return file, store


def _row(prompt: dict, ids: list[int]) -> dict:
    """A kept row whose response is its own prompt: what is trained does not matter here."""
    row = {
        **prompt, "prompt_ids": ids, "response_ids": ids, "response": "", "sample": 0, "rung": 1, "template": "none",
        "p_unsafe": 0.0, "label_mass": 1.0,
    }  # fmt: skip
    return {name: row[name] for name in schemas.DATASET.names}


def train(file: Path, store: Path, scratch: Path, **env: str) -> subprocess.Popen:
    """One pod's worker; its words are in `<scratch>.words`, what it printed in `<scratch>.log`."""
    said = Path(f"{scratch}.words")
    said.write_text("")
    command = [sys.executable, "-m", "thinksafe", "worker", "train", str(file), "--uid", "u", "--store", str(store)]
    with Path(f"{scratch}.log").open("ab") as log:
        return subprocess.Popen(
            command, env=environment(scratch, THINKSAFE_TERMINATION_LOG=str(said), **env), stdout=log, stderr=log
        )


def words(scratch: Path) -> dict:
    return json.loads(Path(f"{scratch}.words").read_text())


def curve(store: Path) -> list[dict]:
    (file,) = store.glob("artifacts/adapter/*/files/curve.json")
    return json.loads(file.read_text())


def wait_for_step(store: Path, step: int, seconds: float = 400) -> None:
    """Until the training has come to a step."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for file in store.glob("artifacts/adapter/*/work/progress/*.json"):
            if json.loads(file.read_text())["reached"]["rows"] >= step:
                return
        time.sleep(0.05)
    raise AssertionError(f"step {step} was not reached")


def ranks(worker: subprocess.Popen) -> list[int]:
    """Process ids of the training processes of a pod."""
    found = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    return [int(pid) for pid in found]


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
