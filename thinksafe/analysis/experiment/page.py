"""The web page of an experiment: one HTML file that needs nothing else, made from its summary.json alone."""

import json
from collections.abc import Iterator, Mapping

from thinksafe.analysis import report, words
from thinksafe.analysis.experiment import document as documents
from thinksafe.analysis.experiment.figures import forest, plane


def render(document: Mapping) -> str:
    """The whole page as HTML. DataError if `document` is not the summary of an experiment."""
    found = documents.read(document).model_dump(mode="json", by_alias=True)
    environment = report.environment()
    environment.filters |= {"compact": compact, "ratio": ratio, "by_label": by_label, "told": told}
    return environment.get_template("experiment.html.j2").render(
        document=found,
        axes=list(axes(found["rows"])),
        columns=[[d] for d in (plane(found["plane"]), forest(found["rows"], found["baseline"])) if d],
        labels=labels(found["variants"]),
        signature_names=report.SIGNATURES,
    )


def axes(rows: list[Mapping]) -> Iterator[dict]:
    """The table's groups: one a kind, with the rows of each of its benchmarks."""
    for kind, (name, what, better) in report.AXES.items():
        of_kind = [row for row in rows if row["kind"] == kind]
        by_benchmark = [
            (benchmark, [row for row in of_kind if row["benchmark"] == benchmark])
            for benchmark in dict.fromkeys(row["benchmark"] for row in of_kind)
        ]
        if by_benchmark:
            yield {"name": name, "what": what, "better": better, "benchmarks": by_benchmark}


def labels(variants: list[Mapping]) -> list[str]:
    """The labels of kept data that any variant has, harmful first."""
    found = {row["label"] for v in variants for row in v["retention"]}
    return sorted(found, key=lambda label: (label != "harmful", label))


def by_label(rows: list[Mapping]) -> dict[str, Mapping]:
    """Retention or perplexity by its label."""
    return {row["label"]: row for row in rows}


def told(further: Mapping) -> Iterator[str]:
    """What of a run's summary is about how its data was made, a sentence each."""
    if probe := further.get("probe"):
        yield f"The probe chose the template {probe['chosen']}."
    for tilt in further.get("tilt", []):
        spread = f", with a spread of {tilt['spread']:.1f} within a prompt" if tilt["spread"] is not None else ""
        yield (
            f"Tilt at rung {tilt['rung']}: the steering made a kept response {tilt['mean']:.1f} nats likelier in the "
            f"mean of {words.count(tilt['rows'])}{spread}."
        )
    for pair in further.get("agreement", []):
        both = pair["both_safe"] + pair["both_unsafe"]
        yield (
            f"{pair['first']} and {pair['second']} agree on {words.count(both)} of {words.count(pair['n'])} responses "
            f"(kappa {ratio(pair['kappa'])})."
        )


def compact(value: object) -> str:
    """A setting as a reader types it: text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def ratio(value: float | None) -> str:
    """A perplexity: two decimals, or – for none."""
    return words.DASH if value is None else f"{value:.2f}"
