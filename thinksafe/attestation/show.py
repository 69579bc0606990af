"""What a statement vouches for, in a terminal."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thinksafe.analysis.gate import primary_pairs
from thinksafe.analysis.metrics import Metric
from thinksafe.analysis.words import DASH, count, interval, percent
from thinksafe.attestation.statement import Guard, Model, Predicate
from thinksafe.attestation.verify import Verified, identity

_SHORT = 16


def show(found: Verified, out: Console) -> None:
    """Print the table, the gate's sentence, and the digest by which the statement can be asked for again."""
    made = Table(box=None, pad_edge=False, show_header=False)
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows(found):
        made.add_row(name, Text(value))
    out.print(made)
    out.print(Text(found.statement.predicate.gate.sentence, style="bold green"))
    out.print(f"statement.json: sha256 {found.sha256}", soft_wrap=True)


def rows(found: Verified) -> Iterator[tuple[str, str]]:
    """The table's rows."""
    predicate = found.statement.predicate
    run, data = predicate.run, predicate.data
    yield "run", f"{run.namespace}/{run.name} ({run.uid})"
    yield "base model", _model(predicate.base_model)
    generator, base = predicate.generator, predicate.base_model
    if generator.adapter is not None or generator.model_dump() != base.model_dump():
        on = f" with adapter {generator.adapter[:_SHORT]}" if generator.adapter else ""
        yield "generator", f"{_model(generator)}{on}"
    yield "guard", _guard(predicate.guard)
    if predicate.quorum is not None:
        for guard in predicate.quorum.guards:
            yield "guard", _guard(guard)
        yield "quorum", f"{predicate.quorum.need} of {1 + len(predicate.quorum.guards)} guards"
    yield "data set", data.artifacts["dataset"].manifest[:_SHORT] if "dataset" in data.artifacts else DASH
    yield "versions", ", ".join(f"{k} {v}" for k, v in predicate.versions.get("adapter", {}).items())
    yield from _measured(predicate)
    for name, size in sorted(found.sizes.items()):
        yield "file", f"{name}  {count(size)} bytes  sha256 {found.statement.files[name][:_SHORT]}…"


def _model(model: Model) -> str:
    return f"{model.name} @ {identity(model)[:_SHORT]}"


def _guard(guard: Guard) -> str:
    return f"{_model(guard)}, {guard.family}, unsafe from {guard.threshold:g}"


def _measured(predicate: Predicate) -> Iterator[tuple[str, str]]:
    metrics: list[Metric] = [m.model_dump(mode="json") for m in predicate.metrics]  # pyright: ignore[reportAssignmentType]
    for (kind, benchmark), (base, aligned) in primary_pairs(metrics).items():
        yield benchmark, f"{kind}: {_value(base)} → {_value(aligned)}"


def _value(metric: Metric | None) -> str:
    if metric is None or metric["value"] is None:
        return DASH
    return f"{percent(metric['value'])} ({interval(metric['low'], metric['high'])})"
