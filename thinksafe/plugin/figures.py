"""The numbers of a finished run: what was measured, what was kept, what it cost. Pure."""

from collections.abc import Iterable, Mapping

from rich.table import Table
from rich.text import Text

from thinksafe.analysis.words import count, percent, signed
from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run
from thinksafe.plugin.tree import spent

KINDS = {"harmful": "harmful responses", "refusal": "over-refusal", "accuracy": "right answers"}


def grid(*heads: str) -> Table:
    """A table whose names give way on a narrow terminal, and not its numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    made.add_column("", overflow="fold")
    for head in heads:
        made.add_column(head, justify="right", no_wrap=True)
    return made


def measured(run: Run) -> Table | None:
    """Base and adapter by benchmark, from the status; None if there are no results."""
    results = runs.status(run).get("results")
    if not results:
        return None
    made = grid("base", "adapter", "change, points")
    for kind, of_kind in by_kind(results):
        made.add_row(Text(kind, "bold"))
        for result in of_kind:
            base, aligned = result.get("base"), result.get("aligned")
            made.add_row(f" {result['benchmark']}", percent(base), percent(aligned), difference(base, aligned))
    return made


def by_kind(results: Iterable[Mapping]) -> list[tuple[str, list[Mapping]]]:
    """Results in the order of kinds, each with what the kind is called; kinds without results are left out."""
    told = list(results)
    found = [(what, [r for r in told if r["kind"] == kind]) for kind, what in KINDS.items()]
    return [(what, of_kind) for what, of_kind in found if of_kind]


def difference(before: float | None, after: float | None) -> str:
    """A change in percentage points; – if one of the two is not known."""
    return signed(None if before is None or after is None else after - before)


def kept(run: Run) -> str:
    """How many responses the guard let pass: 12,345 of 20,000 (61.7%)."""
    some, judged = runs.status(run).get("kept"), runs.status(run).get("judged")
    if some is None or not judged:
        return "–"
    return f"{count(some)} of {count(judged)} ({percent(some / judged)})"


def gpu_time(run: Run) -> str:
    seconds = runs.gpu_seconds(run)
    return spent(seconds) if seconds else "–"
