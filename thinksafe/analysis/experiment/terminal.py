"""The lines that an experiment ends with in the terminal: variant by variant, each beside the baseline."""

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thinksafe.analysis.table import KINDS, STYLE
from thinksafe.analysis.words import DASH, interval, percent, signed


def show(document: Mapping, out: Console) -> None:
    """Print the table, how it is to be read, what is missing, and what each variant shows."""
    out.print(table(document))
    said = document["correction"]
    if said["comparisons"]:
        out.print(Text(
            f"change: adapter against the adapter of {document['baseline']}, paired; {said['comparisons']} "
            f"comparisons, each interval {said['confidence']:.2%} (Bonferroni)", style="dim",
        ))  # fmt: skip
    for variant in document["variants"]:
        told = _told(variant)
        if told:
            out.print(Text(f"{variant['name']}: {'; '.join(told)}", style="yellow"))
    for note in document["notes"]:
        out.print(Text(note, style="dim"))


def table(document: Mapping) -> Table:
    """One line a variant and benchmark; 95% intervals in brackets, those of the change corrected."""
    made = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    made.add_column("", overflow="fold")
    for head in ("base", "adapter", "change, points"):
        made.add_column(head, justify="right", no_wrap=True)
    for kind, what in KINDS.items():
        for benchmark, of_benchmark in _by_benchmark(document["rows"], kind):
            made.add_row(Text(f"{what}: {benchmark}", style="bold"))
            for row in of_benchmark:
                made.add_row(Text(f" {row['variant']}"), _value(row["base"]), _value(row), _change(row))
    return made


def _by_benchmark(rows: list[Mapping], kind: str) -> Iterator[tuple[str, list[Mapping]]]:
    of_kind = [row for row in rows if row["kind"] == kind]
    for benchmark in dict.fromkeys(row["benchmark"] for row in of_kind):
        yield benchmark, [row for row in of_kind if row["benchmark"] == benchmark]


def _value(found: Mapping | None) -> Text:
    if not found or found["value"] is None:
        return Text(DASH, style="dim")
    bounds = interval(found["low"], found["high"], 0).removesuffix("%")
    return Text(percent(found["value"])).append(f" ({bounds})", style="dim")


def _change(row: Mapping) -> Text:
    change = row["difference"]
    if not change:
        return Text(DASH, style="dim")
    text = Text(signed(change["value"]), style=STYLE[change["verdict"]])
    return text.append(f" ({signed(change['low'], 0)} to {signed(change['high'], 0)})", style="dim")


def _told(variant: Mapping) -> list[str]:
    return [s["code"] for s in variant["signatures"]]
