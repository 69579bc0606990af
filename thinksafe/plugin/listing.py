"""Runs as a list, one line each and why it does not go on. Pure."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run
from thinksafe.plugin.tree import phase

_GATE = {"Passed": "green", "Failed": "red"}


def listing(found: Iterable[Run], now: float, *, everywhere: bool) -> RenderableType:
    """Those that go on first, then the ended ones, the latest first; in red who waits for a person."""
    made = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    heads = (["NAMESPACE"] if everywhere else []) + ["NAME", "PHASE", "STAGE", "PROGRESS", "GATE", "AGE"]
    for head in heads:
        made.add_column(head, no_wrap=head not in ("NAMESPACE", "NAME"), overflow="fold")
    for run in sorted(found, key=_order):
        made.add_row(*([runs.namespace(run)] if everywhere else []), *_cells(run, now))
    return made


def _order(run: Run) -> tuple:
    made = runs.unix(run["metadata"].get("creationTimestamp")) or 0.0
    return runs.has_ended(run), -made, runs.namespace(run), runs.name(run)


def _cells(run: Run, now: float) -> tuple[str | Text, ...]:
    status, age = runs.status(run), runs.age(run, now)
    gate = status.get("gate", "")
    held_up = not runs.has_ended(run) and runs.needs_someone(run)
    shown = phase(run).append(f" ({runs.reason(run)})", "red") if held_up else phase(run)
    return (
        runs.name(run), shown, status.get("stage", ""), status.get("progress", ""),
        Text(gate, _GATE.get(gate, "dim")), "" if age is None else short(age),
    )  # fmt: skip


def short(seconds: float) -> str:
    """An age as kubectl shows it: 45s, 12m, 7h, 3d."""
    for size, unit, most in ((1, "s", 120), (60, "m", 180), (3600, "h", 48)):
        if seconds < size * most:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds // 86400)}d"
