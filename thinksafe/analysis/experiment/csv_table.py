"""table.csv: one line a variant and benchmark, all numbers of the document's rows."""

import csv
import io
from collections.abc import Mapping

COLUMNS = (
    "experiment", "variant", "phase", "kind", "benchmark", "metric", "value", "low", "high", "n", "truncated",
    "unscored", "base_value", "base_low", "base_high", "base_n", "baseline", "difference", "difference_low",
    "difference_high", "difference_n", "verdict", "comparisons", "confidence", "why",
)  # fmt: skip


def table(document: Mapping) -> str:
    """The rows as CSV with a line of heads; shares of 1, and empty where there is no number."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    phases = {v["name"]: v["phase"] for v in document["variants"]}
    for row in document["rows"]:
        writer.writerow(_line(document, row, phases[row["variant"]]))
    return out.getvalue()


def _line(document: Mapping, row: Mapping, phase: str) -> dict:
    base, change = row["base"] or {}, row["difference"] or {}
    line = {name: row[name] for name in COLUMNS if name in row and name not in ("difference", "base")}
    line |= {f"base_{name}": base.get(name) for name in ("value", "low", "high", "n")}
    line |= {f"difference_{name}": change.get(name) for name in ("low", "high", "n")}
    line |= {"difference": change.get("value"), "verdict": change.get("verdict")}
    line |= {"experiment": document["experiment"]["name"], "phase": phase, "baseline": document["baseline"]}
    return line | document["correction"]
