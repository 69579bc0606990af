"""The web page of a run: one HTML file that needs nothing else, made from summary.json alone."""

from collections.abc import Iterator, Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from thinksafe.analysis import summary as summaries
from thinksafe.analysis import words
from thinksafe.analysis.figures import draw_all
from thinksafe.analysis.figures.outcome import average
from thinksafe.analysis.gate import PRIMARY, primary_pairs

# What each kind of benchmark is called, and which way is better.
AXES = {
    "harmful": ("Safety", "Harmful responses", "less is better"),
    "accuracy": ("Reasoning", "Right answers", "more is better"),
    "refusal": ("Helpfulness", "Refusals of harmless prompts", "less is better"),
}
SIGNATURES = {
    "high-perplexity": "Foreign style",
    "low-retention": "Few responses kept",
    "reasoning-drop": "Reasoning fell",
    "over-refusal": "Over-refusal",
    "runaway-thinking": "Runaway thinking",
    "guard-unreadable": "Guard unreadable",
    "broken-format": "Broken prompt format",
    "no-benign-rows": "No benign rows",
    "strict-filter": "Filter too strict",
}


def render(document: Mapping) -> str:
    """The whole page as HTML. DataError if `document` is not a summary."""
    found = summaries.read(document).model_dump(mode="json", by_alias=True)
    return environment().get_template("report.html.j2").render(
        summary=found,
        tiles=list(tiles(found)),
        axes=list(axes(found["metrics"])),
        inside={part["model"]: inside(part["rows"]) for part in found["paper"]},
        figures=draw_all(found),
        signature_names=SIGNATURES,
        lineage=lineage(found["lineage"]),
    )


def environment() -> Environment:
    """Jinja with escaping on for HTML, an error for a misspelt name, and the project's number formats as filters."""
    made = Environment(
        loader=PackageLoader("thinksafe.analysis"),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("percent", "signed", "interval", "remarks", "count", "duration"):
        made.filters[name] = getattr(words, name)
    made.filters["reason"] = lambda reason: words.REASON.get(reason, reason)
    made.filters["first_upper"] = lambda text: text[:1].upper() + text[1:]
    made.filters["svg"] = Markup  # only for drawings of thinksafe.analysis.svg, whose texts are escaped already
    return made


def tiles(found: Mapping) -> Iterator[dict]:
    """The few numbers on top: the mean of each axis, base to adapter, and the perplexity of all kept data."""
    pairs = primary_pairs(found["metrics"])
    for kind, (name, what, _) in AXES.items():
        of_kind = [pair for (k, _), pair in pairs.items() if k == kind]
        base, aligned = (average([pair[i] for pair in of_kind]) for i in (0, 1))
        if not of_kind:
            continue
        change = aligned.value - base.value if base and aligned else None
        many = f"mean of {len(of_kind)} benchmarks" if len(of_kind) > 1 else of_kind_name(pairs, kind)
        yield {
            "name": name,
            "what": f"{what}, {many}",
            "value": words.percent(aligned.value) if aligned else words.DASH,
            "bounds": words.interval(aligned.low, aligned.high) if aligned else "not measured",
            "before": words.percent(base.value) if base else None,
            "change": words.points(change) if change is not None else None,
        }
    for row in found["perplexity"]:
        if row["label"] == "all" and row["value"] is not None:
            yield {
                "name": "Perplexity",
                "what": "of the kept responses, under the base",
                "value": f"{row['value']:.2f}",
                "bounds": "" if row["low"] is None else f"{row['low']:.2f}{words.DASH}{row['high']:.2f}",
                "before": None,
                "change": None,
            }


def of_kind_name(pairs: Mapping, kind: str) -> str:
    """The name of the only benchmark of a kind."""
    return next(benchmark for (k, benchmark) in pairs if k == kind)


def axes(metrics: list[dict]) -> Iterator[dict]:
    """The main table's groups: one a kind, with one row a benchmark and metric, base beside adapter."""
    for kind, (name, what, better) in AXES.items():
        rows: dict[tuple[str, str], dict] = {}
        for metric in metrics:
            if metric["kind"] == kind:
                rows.setdefault((metric["benchmark"], metric["metric"]), {})[metric["model"]] = metric
        if rows:
            ordered = sorted(rows.items(), key=lambda item: item[0][1] not in PRIMARY)
            ordered.sort(key=lambda item: list(dict.fromkeys(b for b, _ in rows)).index(item[0][0]))
            made = [
                {
                    "benchmark": benchmark,
                    "metric": None if metric in PRIMARY else metric,
                    "base": pair.get("base"),
                    "aligned": pair.get("aligned"),
                    "verdict": verdict(kind, (pair.get("aligned") or {}).get("difference")),
                }
                for (benchmark, metric), pair in ordered
            ]
            yield {"name": name, "what": what, "better": better, "rows": made}


def verdict(kind: str, change: Mapping | None) -> str | None:
    """better, worse or unclear (the interval includes no change); None without a difference."""
    if change is None:
        return None
    if change["low"] <= 0 <= change["high"]:
        return "unclear"
    return "better" if (change["value"] > 0) == (kind == "accuracy") else "worse"


def inside(rows: list[dict]) -> str:
    """How many of the run's figures agree with the paper's."""
    n = sum(row["verdict"] == "inside" for row in rows)
    return f"{n} of {len(rows)} {'figure' if len(rows) == 1 else 'figures'}"


def lineage(found: Mapping[str, object]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The lineage's parts as lines; single values stand together in a last part."""
    parts = {key: list(flat(value)) for key, value in found.items() if isinstance(value, Mapping | list)}
    single = [(key, str(value)) for key, value in found.items() if key not in parts and value is not None]
    return [(key, lines) for key, lines in [*parts.items(), ("other", single)] if lines]


def flat(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """A nested part of the lineage as (dotted name, text) lines; what is empty or null is left out."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from flat(inner, f"{name}[{i}]")
    elif value is not None and value != "":
        yield name, str(value)
