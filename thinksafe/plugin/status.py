"""`kubectl thinksafe status`: how runs stand, once or as they go on."""

import contextlib
import time
from collections.abc import Generator, Mapping

from rich.console import Console, Group, RenderableType
from rich.live import Live

from thinksafe.errors import DataError, TemporaryError
from thinksafe.plugin import runs
from thinksafe.plugin.kubectl import Kubectl
from thinksafe.plugin.listing import listing
from thinksafe.plugin.pace import Pace
from thinksafe.plugin.remarks import remarks
from thinksafe.plugin.runs import Run
from thinksafe.plugin.tree import tree

_TICK = 1.0  # seconds between two looks at the clock
_AGAIN = 2.0  # seconds before a watch that the API server has ended begins again
_PATIENCE = 300.0  # seconds for which it may be away


def show(kubectl: Kubectl, name: str, out: Console) -> Run:
    """Print a run once."""
    run = runs.printable(kubectl.run(name))
    out.print(page(run, time.time(), out, " ".join(kubectl.flags)), crop=False)
    return run


def show_all(kubectl: Kubectl, out: Console, *, everywhere: bool) -> None:
    """Print all runs once."""
    found = runs.printable(kubectl.runs(everywhere=everywhere))
    if found:
        out.print(listing(found, time.time(), everywhere=everywhere))
    else:
        where = "any namespace" if everywhere else "this namespace; -A looks into all, -n NAMESPACE into another"
        Console(stderr=True, highlight=False).print(f"There is no ThinkSafeRun in {where}", soft_wrap=True)


def follow(kubectl: Kubectl, name: str, out: Console) -> Run:
    """Show a run until it has ended. DataError if it is deleted meanwhile."""
    run = runs.printable(kubectl.run(name))
    if not runs.has_ended(run):
        run = (_live if out.is_terminal else _in_lines)(kubectl, run, out)
    out.print(page(run, time.time(), out, " ".join(kubectl.flags)), crop=False)
    return run


def _live(kubectl: Kubectl, run: Run, out: Console) -> Run:
    """The tree, drawn anew with each change and each second."""
    pace, flags = Pace(), " ".join(kubectl.flags)
    events = _events(kubectl, runs.name(run))
    with (
        contextlib.closing(events),
        Live(console=out, auto_refresh=False, vertical_overflow="crop", transient=True) as live,
    ):
        try:
            for event in events:
                if event is not None:
                    run = _still_there(*event)
                now = time.time()
                live.update(page(run, now, out, flags, left=pace.left(run, now), fit=True), refresh=True)
                if runs.has_ended(run):
                    break
        except KeyboardInterrupt:
            live.transient = False  # what was seen last stays to be read
            raise
    return run


def _in_lines(kubectl: Kubectl, run: Run, out: Console) -> Run:
    """A line for each change."""
    before = ""
    with contextlib.closing(_events(kubectl, runs.name(run))) as events:
        for event in filter(None, events):
            run = _still_there(*event)
            told = (runs.status(run).get(field) for field in ("stage", "progress", "message"))
            line = "  ".join(filter(None, (runs.phase(run), *told)))
            if line != before:
                out.print(f"{time.strftime('%H:%M:%S')}  {line}", soft_wrap=True, markup=False)
            before = line
            if runs.has_ended(run):
                break
    return run


def follow_all(kubectl: Kubectl, out: Console, *, everywhere: bool) -> None:
    """Show all runs until the user has seen enough."""
    known = dict[tuple[str, str], Run]()
    events = _events(kubectl, *(("--all-namespaces",) if everywhere else ()))
    with contextlib.closing(events), Live(console=out, auto_refresh=False, vertical_overflow="crop") as live:
        for event in events:
            if event is not None:
                kind, run = event
                known[runs.namespace(run), runs.name(run)] = run
                if kind == "DELETED":
                    del known[runs.namespace(run), runs.name(run)]
            live.update(listing(known.values(), time.time(), everywhere=everywhere), refresh=True)


def page(
    run: Run, now: float, out: Console, flags: str = "", *, left: Mapping[str, float] | None = None, fit: bool = False
) -> RenderableType:
    """A run's tree and what is to be said of it; with `fit`, as much of the tree as the terminal is high."""
    said = remarks(run, now, flags)
    room = out.height - len(out.render_lines(Group(*said))) - 1 if fit else None
    return Group(*tree(run, now, width=out.width, height=room, left=left), *said)


def _still_there(kind: str, run: Run) -> Run:
    if kind == "DELETED":
        raise DataError(f"{runs.name(run)} was deleted; what it committed is in the store", reason="Deleted")
    return run


def _events(kubectl: Kubectl, *arguments: str) -> Generator[tuple[str, Run] | None]:
    """What happens to runs, for ever; None at each tick in which nothing does.

    An API server that goes away and comes back within minutes is no reason to stop looking.
    """
    failing: float | None = None
    while True:
        try:
            for event in kubectl.events(*arguments, tick=_TICK):
                failing = None if event else failing
                yield event and (event[0], runs.printable(event[1]))
        except TemporaryError:
            failing = failing or time.monotonic()
            if time.monotonic() - failing > _PATIENCE:
                raise
        time.sleep(_AGAIN)
