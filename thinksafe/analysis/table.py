"""The few lines that a run ends with in the terminal: base beside adapter, and what the gate says."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from thinksafe.analysis.figures.drawing import label_order
from thinksafe.analysis.gate import primary_pairs
from thinksafe.analysis.report import verdict
from thinksafe.analysis.words import DASH, MODEL, interval, percent, remarks, signed

KINDS = {"harmful": "harmful responses", "refusal": "over-refusal", "accuracy": "right answers"}
STYLE = {"better": "green", "worse": "red", "unclear": "", None: "dim"}


def show(summary: Mapping, out: Console) -> None:
    """Print the table, what was cut off or unscored, the notes and the gate's sentence."""
    out.print(table(summary))
    for (_, benchmark), pair in primary_pairs(summary["metrics"]).items():
        said = [f"{MODEL[m['model']].lower()} {', '.join(remarks(m))}" for m in pair if m and remarks(m)]
        if said:
            out.print(Text(f"{benchmark}: {'; '.join(said)}", style="yellow"))
    for note in summary["notes"]:
        out.print(Text(note, style="dim"))
    passed = summary["gate"]["passed"]
    out.print(Text(summary["gate"]["sentence"], style="bold green" if passed else "bold red"))


def table(summary: Mapping) -> Table:
    """One row a benchmark by its primary metric, and the perplexity of the kept data; 95% intervals in brackets.

    The bounds are whole per cents, so that 80 columns hold it; the report has them finer.
    """
    made = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    made.add_column("", overflow="fold")  # on a narrow terminal the names give way, not the numbers
    for head in ("base", "adapter", "change, points"):
        made.add_column(head, justify="right", no_wrap=True)
    pairs = primary_pairs(summary["metrics"])
    for kind, what in KINDS.items():
        of_kind = [(benchmark, pair) for (k, benchmark), pair in pairs.items() if k == kind]
        if of_kind:
            made.add_row(Text(what, style="bold"))
        for benchmark, (base, aligned) in of_kind:
            made.add_row(Text(f" {benchmark}"), _value(base), _value(aligned), _change(kind, aligned))
    known = [row for row in summary["perplexity"] if row["value"] is not None]
    if known:
        made.add_row(Text("perplexity of kept data", style="bold"))
    for row in sorted(known, key=lambda row: label_order(row["label"])):
        text = Text(f"{row['value']:.2f}")
        if row["low"] is not None and row["high"] is not None:
            text.append(f" ({row['low']:.2f}{DASH}{row['high']:.2f})", style="dim")
        made.add_row(Text(f" {row['label']}"), text)
    return made


def _value(metric: Mapping | None) -> Text:
    if metric is None:
        return Text(DASH, style="dim")
    if metric["value"] is None:
        return Text("not scored", style="yellow")
    text = Text(percent(metric["value"]))
    return text.append(f" ({interval(metric['low'], metric['high'], 0).removesuffix('%')})", style="dim")


def _change(kind: str, aligned: Mapping | None) -> Text:
    change = (aligned or {}).get("difference")
    if not change:
        return Text(DASH, style="dim")
    text = Text(signed(change["value"]), style=STYLE[verdict(kind, change)])
    return text.append(f" ({signed(change['low'], 0)} to {signed(change['high'], 0)})", style="dim")
