"""LoRA on (unsteered prompt, kept response), read top to bottom: rows in, a PEFT adapter and its curve out.

An interrupted run continues from its last complete checkpoint and, on the CPU, ends with the same bytes as an
undisturbed one, given the same number of threads (taken from the checkpoint), torch build and instruction set.
"""

import hashlib
import json
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import PartialState
from accelerate.utils import gather
from peft import set_peft_model_state_dict
from transformers import get_cosine_schedule_with_warmup

from thinksafe import spec
from thinksafe.errors import Interrupted, SettingsError, TemporaryError
from thinksafe.training import checkpoint, packing
from thinksafe.training.model import Student, check_ids, load, parameters, save_adapter, with_lora
from thinksafe.training.rows import TrainRow, usable
from thinksafe.training.step import backward, processes, sum_over_processes

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """After each step. `loss` in nats a token; `tokens` since the run's start; `seconds` since this process's."""

    step: int
    steps: int
    loss: float
    lr: float
    tokens: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """`adapter`: a PEFT folder. `curve`: step, loss, lr, grad_norm, tokens of each step. `dropped`: rows by reason.

    `tokens`: prompt and response tokens that went through the model, over all steps.
    """

    adapter: Path
    curve: list[dict[str, float]]
    dropped: dict[str, int]
    tokens: int


class _Run:
    """What changes while training: adapter, optimizer, schedule, curve, counts. `step` steps are done."""

    def __init__(self, student: Student, settings: spec.Training, steps: int) -> None:
        self.student, self.params = student, parameters(student)
        self.optimizer = torch.optim.AdamW(
            self.params.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        # The schedule starts at 0, as transformers' Trainer does [P]; a run must not be all warm-up.
        warmup = min(math.ceil(settings.warmup * steps), steps - 1)
        self.schedule = get_cosine_schedule_with_warmup(self.optimizer, warmup, steps)
        self.curve: list[dict[str, float]] = []
        self.step = self.tokens = 0

    def update(self, loss: float, norm: float, tokens: int) -> None:
        """Take the step whose gradient is there, and note it."""
        lr = float(self.schedule.get_last_lr()[0])
        self.optimizer.step()
        self.schedule.step()
        self.step, self.tokens = self.step + 1, self.tokens + tokens
        self.curve.append({"step": self.step, "loss": loss, "lr": lr, "grad_norm": norm, "tokens": tokens})

    def write(self, folder: Path, owner: str) -> Path:
        """Write a checkpoint of all this."""
        return checkpoint.write(
            folder, self.step, save_adapter=lambda to: save_adapter(self.student, to),
            optimizer=checkpoint.optimizer_tensors(self.optimizer, self.params),
            state={"owner": owner, "schedule": self.schedule.state_dict(), "lr": self.schedule.get_last_lr(),
                   "curve": self.curve, "tokens": self.tokens, "machine": _machine()},
        )

    def restore(self, found: checkpoint.Checkpoint) -> None:
        """Continue where a checkpoint stands."""
        assert self.student.peft is not None
        set_peft_model_state_dict(self.student.peft, found.adapter)
        checkpoint.restore_optimizer(self.optimizer, self.params, found.optimizer)
        self.schedule.load_state_dict(found.state["schedule"])
        for group, lr in zip(self.optimizer.param_groups, found.state["lr"], strict=True):
            group["lr"] = lr
        self.step, self.tokens, self.curve = found.step, found.state["tokens"], found.state["curve"]


def _machine() -> dict[str, object]:
    """What the last bits of a CPU run depend on, beside its inputs."""
    return {"threads": torch.get_num_threads(), "torch": torch.__version__,
            "instructions": torch.backends.cpu.get_cpu_capability()}


def _owner(rows: Sequence[TrainRow], settings: spec.Training, seed: int, dtype: str) -> str:
    """Whose checkpoint: a digest of all that decides the run, but for where the model's folder lies."""
    digest = hashlib.sha256(json.dumps([settings.model_dump(), seed, dtype]).encode())
    for row in sorted(rows, key=lambda r: r.id):
        digest.update(json.dumps([row.id, row.label, [*row.prompt_ids], [*row.response_ids]]).encode())
    return digest.hexdigest()


def _find(resume: Path | None, work: Path, owner: str) -> checkpoint.Checkpoint | None:
    """The checkpoint to continue from: `resume` if it is complete, else the newest complete one beside it or in
    `work`, else none. Raises SettingsError if it is of another run."""
    if resume is None:
        return None
    folder = resume if checkpoint.complete(resume) else checkpoint.latest(resume.parent) or checkpoint.latest(work)
    if folder != resume:
        log.warning("checkpoint %s is cut off or damaged; continuing from %s", resume.name, folder or "the start")
    if folder is None:
        return None
    found = checkpoint.read(folder)
    if found.state["owner"] != owner:
        raise SettingsError(f"checkpoint {folder.name} is of other rows or settings", hint="Remove it to start anew.")
    return found


@contextmanager
def _threads_of(found: checkpoint.Checkpoint | None) -> Iterator[None]:
    """Use as many threads as the run began with: sums over other shares of a matrix round differently."""
    now = torch.get_num_threads()
    machine = found.state["machine"] if found else {"threads": now}
    torch.set_num_threads(machine["threads"])
    if found and machine != _machine():
        log.warning("continuing on another kind of machine: the adapter may differ in its last bits")
    try:
        yield
    finally:
        torch.set_num_threads(now)


def train(
    rows: Sequence[TrainRow], *, model_path: str, dtype: str, settings: spec.Training, seed: int, work: Path,
    save: Callable[[Path], None], resume: Path | None, progress: Callable[[Progress], None],
    should_stop: Callable[[], bool], base_name: str | None = None,
) -> Result:
    """Train an adapter. Started under `accelerate launch` or torchrun, the processes share each step's rows.

    `work`: a local folder for checkpoints and the adapter. `save`: called with each complete checkpoint's folder.
    `resume`: a checkpoint folder to continue from. `base_name`: what the adapter says its base model is.
    Raises DataError for rows that cannot be used, SettingsError for a model or settings that cannot be, and for a
    loss that is no longer a number; Interrupted, after a checkpoint, once `should_stop()` is true.
    """
    state = processes()
    kept, dropped = usable(rows, max_length=settings.max_length)
    owner = _owner(kept, settings, seed, dtype)
    found = _find(resume, work, owner)
    with _threads_of(found):
        base = load(model_path, dtype=dtype, device=torch.device(state.device or "cpu"))
        check_ids(kept, base.head.shape[0])
        steps = packing.total_steps(
            len(kept), batch_size=settings.batch_size, epochs=settings.epochs, max_steps=settings.max_steps
        )
        run = _Run(with_lora(base, settings, seed=seed, base_name=base_name), settings, steps)
        if found:
            run.restore(found)
        _agreed(run.step, state)
        keep = _keeper(run, work, owner, save, state)
        _steps(run, kept, settings, seed, steps, state, progress, should_stop, keep)
        adapter = work / "adapter"
        if state.is_main_process:
            save_adapter(run.student, adapter)
        state.wait_for_everyone()
    return Result(adapter, run.curve, dropped, run.tokens)


def _agreed(step: int, state: PartialState) -> None:
    """See that all processes continue from the same step. Raises TemporaryError if they do not.

    Each reads the newest checkpoint by itself; one that is written in that moment may be seen by some only.
    """
    if state.num_processes == 1:
        return
    steps = gather(torch.tensor([step], device=state.device))
    assert isinstance(steps, torch.Tensor)
    if len(found := sorted(set(steps.tolist()))) > 1:
        raise TemporaryError(
            f"the processes would continue from different steps {found}",
            hint="Start again to continue.", reason="GroupBroken",
        )


def _keeper(
    run: _Run, work: Path, owner: str, save: Callable[[Path], None], state: PartialState
) -> Callable[[], None]:
    """A function that writes a checkpoint, hands it on, and removes all but two."""

    def keep() -> None:
        if state.is_main_process:
            save(run.write(work, owner))
            checkpoint.prune(work, keep=2)
        state.wait_for_everyone()

    return keep


def _steps(
    run: _Run, rows: Sequence[TrainRow], settings: spec.Training, seed: int, steps: int, state: PartialState,
    progress: Callable[[Progress], None], should_stop: Callable[[], bool], keep: Callable[[], None],
) -> None:
    """The loop: gradient, sum over processes, clip, update; then report, and keep what must not be lost."""
    began, params = time.monotonic(), list(run.params.values())
    ids = [row.id for row in rows]
    for chosen in packing.batches(ids, batch_size=settings.batch_size, seed=seed, start=run.step, stop=steps):
        batch = [rows[i] for i in chosen]
        run.optimizer.zero_grad(set_to_none=True)
        part = backward(run.student, batch, capacity=settings.tokens_per_pack, kl_weight=settings.kl_weight,
                        seed=seed, step=run.step, state=state)
        # Whether to stop travels with the loss, so that all processes stop after the same step.
        mine = torch.stack([part, torch.tensor(float(should_stop()), device=part.device)])
        loss, stop = sum_over_processes(params, mine, state).tolist()
        norm = float(torch.nn.utils.clip_grad_norm_(params, settings.clip))
        if not math.isfinite(loss) or not math.isfinite(norm):
            raise SettingsError(
                f"training left the numbers at step {run.step + 1}: loss {loss}, gradient norm {norm}",
                hint="Lower spec.training.learningRate, or set spec.model.dtype to bfloat16.", reason="LossNotFinite",
            )
        run.update(loss, norm, sum(row.tokens for row in batch))
        progress(Progress(run.step, steps, loss, run.curve[-1]["lr"], run.tokens, time.monotonic() - began))
        stopping = stop > 0 and run.step < steps
        if stopping or run.step % settings.checkpoint_every == 0:
            keep()
        if stopping:
            raise Interrupted(f"stopped after step {run.step} of {steps}", hint="Start again to continue.")
