"""train (GPU): choose the data set, measure its perplexity under the frozen student, train the adapter.

Where several processes train together (stages/group.py), process 0 alone writes; the others see in the store
when it is their turn, so that no collective operation runs into its time limit meanwhile.
"""

import collections
import contextlib
import json
import shutil
import signal
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from thinksafe import tokenization
from thinksafe.analysis import data_signatures, retention
from thinksafe.artifacts.artifact import Artifact
from thinksafe.engines.rows import text_of
from thinksafe.errors import DataError
from thinksafe.loading import uncollected
from thinksafe.stages import group, schemas
from thinksafe.stages.generate import rows_of
from thinksafe.stages.perplexity import perplexity
from thinksafe.stages.run import Run, scratch
from thinksafe.stages.worker import Bench
from thinksafe.training.rows import TrainRow

if TYPE_CHECKING:
    from thinksafe.training import trainer

LOOK_SECONDS = 1.0


def train(run: Run, bench: Bench) -> None:
    """Make `dataset`, `perplexity` and `adapter`, each unless it is complete."""
    alone = group.rank() == 0
    if alone and not run.artifact("dataset").is_complete():
        choose(run)
    _wait_for(run, "dataset")
    if not run.artifact("dataset").manifest()["rows"]:
        raise _empty(run.artifact("dataset").manifest())
    if alone and not run.artifact("perplexity").is_complete():
        perplexity(run, bench)
    _wait_for(run, "perplexity")
    if not run.artifact("adapter").is_complete():
        _adapter(run, bench)
    _wait_for(run, "adapter")


def _empty(manifest: dict) -> DataError:
    """What a data set without rows is: the failure signatures that the counts of its reasons show."""
    found = data_signatures.find(retention.by_label(manifest["counts"], manifest["prompts"]))
    seen = " ".join(f"[{s['code']}] {s['evidence']}" for s in found)
    return DataError(
        f"nothing was kept: no response passed the filter. {seen}".rstrip(),
        reason="EmptyDataset",
        hint=found[0]["hint"] if found else "See the counted reasons in the data set's manifest",
    )


def _wait_for(run: Run, node: str) -> None:
    """Wait until process 0 has made it. If process 0 fails, this one's parent ends it (stages/crew.py)."""
    while not run.artifact(node).is_complete():
        time.sleep(LOOK_SECONDS)


# --- the data set -------------------------------------------------------------------------------------------------


def choose(run: Run) -> None:
    """Commit the kept responses, chunk by chunk, and count every one that is not kept by its reason."""
    artifact, rungs = run.artifact("dataset"), ladder_rungs(run)
    chunks, tally = run.artifact("prompts").manifest()["chunks"], _Tally(_edit(run))
    for index in range(chunks):
        rows = [_kept_row(row, outcome) for row, outcome in tally.count(run, rungs, index)]
        artifact.commit_chunk(index, rows, schemas.DATASET)
    run.finish("dataset", chunks=chunks, **tally.manifest())


def ladder_rungs(run: Run) -> int:
    return 1 + len(run.spec.steering.ladder)


def _edit(run: Run) -> Callable[[dict], dict]:
    """What is done to a kept row before it is trained on: nothing, or a refusal loses its thought."""
    if run.spec.training.refusal_thoughts == "keep":
        return lambda row: row
    tokenizer = tokenization.load(run.model("student"))
    how = tokenization.dialect(tokenizer)

    def drop(row: dict) -> dict:
        if row["label"] != "harmful":
            return row
        ids = tokenization.without_thought(tokenizer, how, row["response_ids"])
        return {**row, "response_ids": ids, "response": text_of(tokenizer, ids)}

    return drop


class _Tally:
    """Counts what became of every response and every prompt, by label, rung and reason; edits what is kept."""

    def __init__(self, edit: Callable[[dict], dict]) -> None:
        self.edit = edit
        self.reasons = collections.Counter[tuple[str, int, str]]()
        self.lengths = collections.Counter[tuple[str, int]]()
        self.prompts = collections.defaultdict[str, set[str]](set)

    def count(self, run: Run, rungs: int, index: int) -> Iterator[tuple[dict, object]]:
        for rung in range(1, rungs + 1):
            for row, outcome, reason in rows_of(run, rung, index):
                self.reasons[row["label"], rung, reason] += 1
                self.prompts[row["label"]].add(row["id"])
                if reason in retention.IN_THE_DATA:
                    kept = self.edit(row)
                    self.lengths[row["label"], length_bin(len(kept["response_ids"]))] += 1
                    yield kept, outcome

    def manifest(self) -> dict:
        return {
            "counts": [
                {"label": label, "rung": rung, "reason": reason, "count": n}
                for (label, rung, reason), n in sorted(self.reasons.items())
            ],
            "lengths": [
                {"label": label, "tokens_below": bin_, "count": n} for (label, bin_), n in sorted(self.lengths.items())
            ],
            "prompts": {label: len(ids) for label, ids in sorted(self.prompts.items())},
        }


def length_bin(tokens: int) -> int:
    """The upper edge of the length's bin: powers of the square root of two, so that tails show."""
    edge = 8.0
    while tokens >= edge:
        edge *= 2**0.5
    return round(edge)


def _kept_row(row: dict, outcome) -> dict:
    wanted = {name for name in schemas.DATASET.names if name in row}
    return {**{k: row[k] for k in wanted}, "p_unsafe": outcome.p_unsafe, "label_mass": outcome.label_mass}


def train_rows(run: Run) -> list[TrainRow]:
    """The data set as the trainer takes it; four bytes a token, since all of it is in memory at once."""
    return [
        TrainRow(r["id"], r["label"], array("i", r["prompt_ids"]), array("i", r["response_ids"]))
        for r in run.artifact("dataset").rows()
    ]


# --- the adapter --------------------------------------------------------------------------------------------------


def _adapter(run: Run, bench: Bench) -> None:
    with uncollected():
        from thinksafe.training import trainer

    # Processes of one pod share a disk, and each reads and writes its own checkpoint there.
    artifact, spec, work = run.artifact("adapter"), run.spec, scratch(run, "adapter") / f"process-{group.rank()}"
    work.mkdir(exist_ok=True)
    rows, checkpoints = train_rows(run), _Checkpoints(artifact, work)
    with _counted(bench) as show, _stop_asked() as should_stop:
        result = trainer.train(
            rows,
            model_path=str(run.model("student")),
            dtype=spec.model.dtype,
            settings=spec.training,
            seed=spec.seed,
            work=work,
            save=checkpoints.upload,
            resume=checkpoints.newest(),
            progress=show,
            should_stop=should_stop,
            base_name=spec.model.name,
        )
    if group.rank() or artifact.is_complete():
        return
    for file in sorted(result.adapter.iterdir()):
        artifact.put_file(file.name, file)
    artifact.put_file("curve.json", json.dumps(result.curve).encode())
    run.finish(
        "adapter",
        chunks=0,
        cost=bench.cost(artifact),
        base_model={"name": spec.model.name, "fingerprint": run.fingerprints["student"]},
        dropped=result.dropped,
        tokens=result.tokens,
    )
    checkpoints.clear()
    shutil.rmtree(work, ignore_errors=True)


@contextlib.contextmanager
def _counted(bench: Bench) -> "Iterator[Callable[[trainer.Progress], None]]":
    """A function that tells of a step; process 0 tells for all, with the seconds of all their devices."""
    if group.rank():
        yield lambda step: None
        return
    with bench.open("adapter", total=0, device=group.size()) as progress:
        yield lambda step: progress.set(rows=step.step, total=step.steps, tokens=step.tokens)


class _Checkpoints:
    """Checkpoints of the trainer, kept in the store beside the adapter until it is complete.

    A checkpoint's files come first and its manifest last, so that a half-uploaded one is not seen.
    """

    KEEP = 2

    def __init__(self, artifact: Artifact, work: Path) -> None:
        self.artifact, self.work = artifact, work
        self.store, self.prefix = artifact.store, f"{artifact.work}/checkpoints"

    def names(self) -> list[str]:
        """Complete checkpoints in the store, oldest first."""
        keys = self.store.list(f"{self.prefix}/")
        return sorted({k.split("/")[-2] for k in keys if k.endswith("/complete")})

    def upload(self, folder: Path) -> None:
        for file in sorted(folder.iterdir()):
            self.store.upload(f"{self.prefix}/{folder.name}/{file.name}", file)
        self.store.put(f"{self.prefix}/{folder.name}/complete", b"")
        for old in self.names()[: -self.KEEP]:
            self._delete(old)

    def newest(self) -> Path | None:
        """The newest complete checkpoint, brought to this machine; None if there is none."""
        for name in reversed(self.names()):
            target = self.work / "resume" / name
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir(parents=True)
            for key in self.store.list(f"{self.prefix}/{name}/"):
                file = key.split("/")[-1]
                if file != "complete":
                    self.store.download(key, target / file)
            if _is_whole(target):
                return target
        return None

    def _delete(self, name: str) -> None:
        self.store.delete(f"{self.prefix}/{name}/complete")
        for key in self.store.list(f"{self.prefix}/{name}/"):
            self.store.delete(key)

    def clear(self) -> None:
        for name in self.names():
            self._delete(name)


def _is_whole(folder: Path) -> bool:
    from thinksafe.training import checkpoint

    return checkpoint.complete(folder)


@contextlib.contextmanager
def _stop_asked() -> Iterator:
    """A function that turns true once SIGTERM came: the trainer then writes a checkpoint and stops."""
    asked = []
    before = signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGTERM, before)
