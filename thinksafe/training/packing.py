"""Which rows make a step, and which of them go through the model together. Pure; nothing here imports torch."""

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from thinksafe.training.rows import TrainRow


def order(ids: Sequence[str], *, seed: int, epoch: int) -> list[int]:
    """The order of the rows in one epoch, by their index: a function of (seed, epoch) and the rows' ids.

    Sorting by a hash makes it independent of the order in which chunks were read, and of any generator's version.
    """
    return sorted(range(len(ids)), key=lambda i: hashlib.sha256(f"{seed}/{epoch}/{ids[i]}".encode()).digest())


def total_steps(rows: int, *, batch_size: int, epochs: float, max_steps: int | None) -> int:
    """Optimizer steps of a run. The last step of an epoch may be smaller than a batch."""
    return max_steps or math.ceil(epochs * math.ceil(rows / batch_size))


def batches(ids: Sequence[str], *, batch_size: int, seed: int, start: int, stop: int) -> Iterator[list[int]]:
    """The row indices of steps `start` to `stop` (not included), counted over all epochs."""
    per_epoch = math.ceil(len(ids) / batch_size)
    epoch, sequence = -1, list[int]()
    for step in range(start, stop):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            sequence = order(ids, seed=seed, epoch=epoch)
        at = step % per_epoch * batch_size
        yield sequence[at : at + batch_size]


def shares(lengths: Sequence[int], processes: int) -> list[list[int]]:
    """Split a step's rows over processes with nearly equal tokens: longest first, to who has least (LPT)."""
    loads, split = [0] * processes, [list[int]() for _ in range(processes)]
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        to = loads.index(min(loads))
        loads[to] += lengths[i]
        split[to].append(i)
    return [sorted(share) for share in split]


def packs(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Group rows into packs of at most `capacity` tokens: first-fit decreasing. A longer row is a pack by itself."""
    free, groups = list[int](), list[list[int]]()
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        to = next((g for g, room in enumerate(free) if room >= lengths[i]), None)
        if to is None:
            to = len(groups)
            free.append(capacity)
            groups.append([])
        free[to] -= lengths[i]
        groups[to].append(i)
    return groups


@dataclass(frozen=True)
class Pack:
    """Rows one behind the other, T tokens in all, as plain lists.

    `ids`, `positions`: T each, positions start at 0 in every row. `lengths`: tokens of each row.
    `predicts`: the places whose next token is a response token (so carry loss); `targets`: that token;
    `owners`: the index of its row in the pack. These three are equally long.
    """

    ids: list[int]
    positions: list[int]
    lengths: list[int]
    predicts: list[int]
    targets: list[int]
    owners: list[int]


def lay_out(rows: Sequence[TrainRow]) -> Pack:
    """Put rows one behind the other. The mask is exact because prompt and response meet at an id, not in a text."""
    pack = Pack([], [], [], [], [], [])
    for owner, row in enumerate(rows):
        first = len(pack.ids) + len(row.prompt_ids) - 1
        pack.ids.extend((*row.prompt_ids, *row.response_ids))
        pack.positions.extend(range(row.tokens))
        pack.lengths.append(row.tokens)
        pack.predicts.extend(range(first, first + len(row.response_ids)))
        pack.targets.extend(row.response_ids)
        pack.owners.extend([owner] * len(row.response_ids))
    return pack
