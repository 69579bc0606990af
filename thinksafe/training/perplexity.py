"""How surprising responses are to the frozen base model: the paper's perplexity of the training data (Fig. 8)."""

from collections.abc import Callable, Iterable, Iterator

import torch

from thinksafe.errors import DataError
from thinksafe.training import packing
from thinksafe.training.model import Student, check_ids, load
from thinksafe.training.rows import TrainRow
from thinksafe.training.step import processes


def _filled(rows: Iterable[TrainRow], capacity: int) -> Iterator[list[TrainRow]]:
    """Rows in their order, in groups of at most `capacity` tokens: streaming, so nothing is sorted."""
    group, held = list[TrainRow](), 0
    for row in rows:
        if group and held + row.tokens > capacity:
            yield group
            group, held = [], 0
        group.append(row)
        held += row.tokens
    if group:
        yield group


def response_nll(
    rows: Iterable[TrainRow], *, model: str | Student, dtype: str = "auto", tokens_per_pack: int = 16_384,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[tuple[str, float, int]]:
    """Yield (id, sum of -log p of the response tokens in nats, number of response tokens), in the rows' order.

    `model` is a folder or a loaded student, whose adapter is switched off. Perplexity of a set of rows is
    exp(sum of sums / sum of numbers). `progress` gets the number of rows done. One pack is in memory at a time.
    Raises DataError for an empty prompt or response and for ids outside the vocabulary.
    """
    if isinstance(model, str):
        model = load(model, dtype=dtype, device=torch.device(processes().device or "cpu"))
    done = 0
    for group in _filled(rows, tokens_per_pack):
        for row in group:
            if not row.prompt_ids or not row.response_ids:
                raise DataError(f"row {row.id} has an empty prompt or response", hint="Remove the row, or mend it.")
        check_ids(group, model.head.shape[0])
        for row, total in zip(group, _sums(model, group), strict=True):
            yield row.id, total, len(row.response_ids)
        done += len(group)
        progress(done)


@torch.no_grad()
def _sums(student: Student, rows: list[TrainRow]) -> list[float]:
    """The sum over each row's response, in double precision."""
    pack = packing.lay_out(rows)
    nll, owners = student.nll(pack, base=True).double().cpu(), torch.tensor(pack.owners)
    return torch.zeros(len(rows), dtype=torch.float64).index_add_(0, owners, nll).tolist()
