"""Rows of prompt sets as problems that a judge decides: what the safety benchmarks have in common."""

from collections.abc import Callable, Iterator

from thinksafe.benchmarks.base import Problem
from thinksafe.prompts.cells import Cells
from thinksafe.prompts.readers import FORMATS
from thinksafe.prompts.tables import Row
from thinksafe.prompts.text import short_hash


def numbered(rows: list[Row], benchmark: str) -> Iterator[Cells]:
    """Each row with its number, from 1."""
    return (Cells(row, f"benchmark {benchmark}", number) for number, row in enumerate(rows, start=1))


def prompts_of(
    rows: list[Row], benchmark: str, form: str, keep: Callable[[Cells], bool] = lambda _: True
) -> list[Problem]:
    """The prompts of the rows that `keep` holds, read in one of the prompt formats."""
    drafts = [FORMATS[form].read(cells) for cells in numbered(rows, benchmark) if keep(cells)]
    return [Problem(d.own_id or short_hash(d.text), d.text, category=d.category) for d in drafts]
