"""One optimizer step's gradient: packs, the loss over all of them, and the sum over processes.

    loss = sum of -log p(response token) / N  +  kl_weight * sum of KL(base || model) over benign tokens / B

N counts the response tokens of the whole step, B the benign ones: over all packs and all processes. So how rows are
packed, accumulated or spread changes nothing but rounding.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from accelerate import PartialState
from accelerate.utils import reduce, set_seed
from torch import Tensor

from thinksafe.training import packing
from thinksafe.training.loss import token_kl, token_nll
from thinksafe.training.model import Student
from thinksafe.training.rows import TrainRow


@dataclass(frozen=True)
class Normaliser:
    """What a step's sums are divided by: response tokens, and those of benign rows."""

    tokens: int
    benign: int


def processes() -> PartialState:
    """The processes that train together: one, or those that `accelerate launch` or torchrun started."""
    # Without cpu=True accelerate takes a group of processes on a machine without accelerator for single ones.
    state = PartialState(cpu=not torch.accelerator.is_available())
    if state.num_processes != int(os.environ.get("WORLD_SIZE", "1")):
        raise RuntimeError("a PartialState was made before, for one process: take thinksafe.training.step.processes()")
    return state


def normaliser(rows: Sequence[TrainRow]) -> Normaliser:
    """Count the tokens that carry loss in a whole step."""
    return Normaliser(
        sum(len(r.response_ids) for r in rows), sum(len(r.response_ids) for r in rows if r.label == "benign")
    )


def _seed(seed: int, step: int, process: int, pack: int) -> int:
    """The seed of a pack's dropout: below 2^32, as numpy wants it."""
    return int.from_bytes(hashlib.sha256(f"dropout/{seed}/{step}/{process}/{pack}".encode()).digest()[:4], "big")


def _kl(student: Student, rows: Sequence[TrainRow], pack: packing.Pack, hidden: Tensor) -> Tensor:
    """Sum of KL(base || model) over the benign response tokens of a pack. The base reads the benign rows only."""
    benign = [i for i, row in enumerate(rows) if row.label == "benign"]
    if not benign:
        return hidden.new_zeros(())
    alone = packing.lay_out([rows[i] for i in benign])
    with torch.no_grad():
        reference = student.hidden(alone, alone.predicts, base=True)
    chosen = [n for n, owner in enumerate(pack.owners) if rows[owner].label == "benign"]
    return token_kl(hidden[torch.tensor(chosen, device=hidden.device)], student.head, reference).sum()


def pack_loss(student: Student, rows: Sequence[TrainRow], by: Normaliser, kl_weight: float) -> Tensor:
    """This pack's part of the step's loss, a scalar: the parts of all packs add up to the loss."""
    pack = packing.lay_out(rows)
    hidden = student.hidden(pack, pack.predicts)
    targets = torch.tensor(pack.targets, device=hidden.device)
    loss = token_nll(hidden, student.head, targets).sum() / by.tokens
    if kl_weight and by.benign:
        loss = loss + kl_weight * _kl(student, rows, pack, hidden) / by.benign
    return loss


def backward(
    student: Student, rows: Sequence[TrainRow], *, capacity: int, kl_weight: float, seed: int, step: int,
    state: PartialState,
) -> Tensor:
    """Add this process's share of a step's gradient to the adapter's, and return its part of the loss, detached.

    Every generator is set anew before each pack from (seed, step, process, pack): so dropout is the same after an
    interruption, and the random state of a run is nothing but these numbers.
    """
    by, mine = normaliser(rows), packing.shares([r.tokens for r in rows], state.num_processes)[state.process_index]
    own = [rows[i] for i in mine]
    loss = torch.zeros((), device=student.device)
    for n, group in enumerate(packing.packs([r.tokens for r in own], capacity)):
        set_seed(_seed(seed, step, state.process_index, n))
        part = pack_loss(student, [own[i] for i in group], by, kl_weight)
        part.backward()
        loss += part.detach()
    return loss


def sum_over_processes(params: Sequence[torch.nn.Parameter], numbers: Tensor, state: PartialState) -> Tensor:
    """Replace each gradient by its sum over processes, in one message, and return the summed numbers."""
    if state.num_processes == 1:
        return numbers
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in params]
    flat = reduce(torch.cat([g.flatten().float() for g in grads] + [numbers.flatten().float()]), "sum")
    assert isinstance(flat, Tensor)
    *parts, total = flat.split([*(g.numel() for g in grads), numbers.numel()])
    for p, part in zip(params, parts, strict=True):
        p.grad = part.view_as(p).to(p.dtype)
    return total
