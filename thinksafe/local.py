"""A run on one machine: the same plan, the same workers and the same store as on a cluster, one process a stage."""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from thinksafe import errors
from thinksafe.analysis.retention import IN_THE_DATA
from thinksafe.artifacts.progress import read_progress
from thinksafe.artifacts.store import Store
from thinksafe.checks import static
from thinksafe.spec import Manifest, Storage
from thinksafe.stages import run as runs
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.nursery import Nursery, Worker
from thinksafe.stages.prepare import prepare

POLL_SECONDS = 0.5
LIGHT = ("report",)  # stages that need no heavy library
LINE_SECONDS = 20  # between lines of progress where there is no terminal


@dataclass(frozen=True)
class Finished:
    """A run whose every stage is complete. `ran`: the stages that had to be done, in order, without `prepare`."""

    run: runs.Run
    seconds: float
    ran: tuple[str, ...] = ()

    def summary(self) -> dict:
        return json.loads(self.run.artifact("report").get_file("summary.json"))


@dataclass(frozen=True)
class Machine:
    """What runs on one machine share: where everything is kept, where workers come from, whom it is told to."""

    store: Store
    storage: Storage
    nursery: Nursery
    console: Console


def execute(manifest: Manifest, file: Path, machine: Machine) -> Finished:
    """Make every artifact of the run that the store does not hold yet. `file`: where the manifest is.

    Raises what the failing stage's worker told (its exit code and its one line).
    """
    started, uid, console = time.monotonic(), runs.local_uid(manifest.spec), machine.console
    static(manifest.spec)
    with console.status("prepare") as status:
        run = prepare(manifest, machine.store, uid, lambda what: status.update(f"prepare: {what}"))
    _tell(console, run, "prepare", time.monotonic() - started)
    ran = list[str]()
    for stage in run.plan.stages[1:]:
        began, done = time.monotonic(), run.is_done(stage)
        if done and stage != "report":
            _tell(console, run, stage, None)
            continue
        ran += [] if done else [stage]
        _work(run, Assignment(file, machine.storage, stage, uid), machine)
        _tell(console, run, stage, time.monotonic() - began)
    return Finished(run, time.monotonic() - started, tuple(ran))


def _tell(console: Console, run: runs.Run, stage: str, seconds: float | None) -> None:
    """One line a finished stage: what it counted, and how long it took or that the store had it."""
    took = "from the store" if seconds is None else f"{seconds:.0f} s"
    counted = ", ".join(_counted(run, n.name) for n in run.plan.of_stage(stage) if _counted(run, n.name))
    console.print(f"[green]✓[/] {stage:<12} [dim]{took:>14}[/]  {counted}", highlight=False)


def _counted(run: runs.Run, node: str) -> str:
    manifest = run.artifact(node).manifest()
    if node == "prompts":
        removed = sum(manifest["removed"].values())
        return ", ".join(f"{n} {label}" for label, n in manifest["labels"].items()) + f" ({removed} removed)"
    if node == "dataset":
        labels = {label: 0 for label in manifest["prompts"]}
        for c in manifest["counts"]:
            labels[c["label"]] += c["count"] * (c["reason"] in IN_THE_DATA)
        kept = [f"{n} of {manifest['prompts'][label]} {label}" for label, n in labels.items()]
        return f"kept {', '.join(kept)}"
    if node == "probe-scores":
        return probe_line(manifest["outcome"])
    if node.startswith("scores"):
        return f"{manifest['rows']} judged"
    if node.startswith(("responses", "answers")):
        return f"{manifest['rows']} {node.split('-')[0]}" + (f" ({node.split('-')[1]})" if "answers" in node else "")
    return ""


def probe_line(outcome: dict) -> str:
    """The probe's choice, with what speaks for it and against it."""
    (best,) = (t for t in outcome["tried"] if t["template"] == outcome["chosen"])
    rates = [f"{r['hits']} of {r['n']}" for r in (best["flips"], best["refusals"])]
    return f"template {best['template'][:40]} ({rates[0]} flipped, {rates[1]} benign refused)"


# --- one stage ----------------------------------------------------------------------------------------------------


def _work(run: runs.Run, task: Assignment, machine: Machine) -> None:
    folder = Path(tempfile.mkdtemp(prefix="thinksafe-"))
    log, words = folder / f"{task.stage}.log", folder / "termination"
    words.touch()
    told = {"THINKSAFE_TERMINATION_LOG": str(words)}
    worker = machine.nursery.start(task, log, told, heavy=task.stage not in LIGHT)
    try:
        _watch(run, task.stage, worker, machine.console)
    except BaseException:
        worker.end()
        raise
    if worker.returncode:
        raise _failure(worker.returncode, task.stage, words.read_text(), log)
    shutil.rmtree(folder, ignore_errors=True)  # the log of a failure stays: its error may name it


def _failure(code: int, stage: str, words: str, log: Path) -> errors.ThinkSafeError:
    kinds = {k.code: k for k in errors.ThinkSafeError.__subclasses__()}
    try:
        told = json.loads(words)
    except ValueError:
        told = {}
    if code in kinds and told:
        return kinds[code](told.get("message", stage), reason=told.get("reason"), hint=told.get("hint", ""))
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    error = errors.ThinkSafeError(f"stage {stage} {ended}", reason="WorkerFailed", hint=f"Its log is {log}")
    error.code = code if 0 < code < 128 else 1
    return error


def _watch(run: runs.Run, stage: str, worker: Worker, console: Console) -> None:
    """Show the progress that is written to the store until the worker ends."""
    nodes = [n.name for n in run.plan.of_stage(stage)]
    with _bar(console) as bar:
        task, last = bar.add_task(stage, total=None), time.monotonic()
        while worker.poll() is None:
            time.sleep(POLL_SECONDS)
            seen = [(n, read_progress(run.artifact(n))) for n in nodes if not run.artifact(n).is_complete()]
            live = [(n, p) for n, p in seen if p.total]
            if not live:
                continue
            node, now = live[0]
            rate = now.tokens / now.seconds if now.seconds else 0
            bar.update(task, description=_of(stage, node), completed=now.rows, total=now.total, rate=rate)
            if not console.is_terminal and time.monotonic() - last > LINE_SECONDS:
                last = time.monotonic()
                line = f"  {_of(stage, node)}: {now.rows}/{now.total}, {rate:,.0f} tokens/s"
                console.print(line, highlight=False)


def _of(stage: str, node: str) -> str:
    """What is counted: a stage, and where it makes several things, which of them."""
    what = {"responses-1": "", "scores-1": "", "adapter": "steps"}.get(node, node.replace("-", " "))
    return f"{stage} {what}".rstrip()


class _Rate(ProgressColumn):
    def render(self, task) -> Text:
        rate = task.fields.get("rate") or 0
        return Text(f"{rate:,.0f} tokens/s" if rate else "loading", style="dim")


@contextmanager
def _bar(console: Console) -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate())
    bar = Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)
    with bar:
        yield bar
