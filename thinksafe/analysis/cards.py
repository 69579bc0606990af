"""The cards that travel with a published adapter and its data set: Markdown with YAML front matter, for the HF hub.

The licence is left to whoever publishes: it depends on the base model's and on the prompts'.
"""

from collections.abc import Mapping
from html import escape

import yaml

from thinksafe.analysis import report, words
from thinksafe.analysis import summary as summaries
from thinksafe.analysis.gate import PRIMARY, primary_pairs


def model_card(document: Mapping) -> str:
    """README.md of the adapter. DataError if `document` is not a summary."""
    found = summaries.read(document).model_dump(mode="json", by_alias=True)
    model = _part(found, "model")
    front = {
        "base_model": _hub_name(model),
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["thinksafe", "safety", "reasoning", "lora"],
        "model-index": [{"name": found["run"]["name"], "results": list(_results(found))}],
    }
    return _render("model-card.md.j2", found, front, model=model.get("name") or "its base model")


def dataset_card(document: Mapping) -> str:
    """README.md of the data set. DataError if `document` is not a summary."""
    found = summaries.read(document).model_dump(mode="json", by_alias=True)
    model, kept = _part(found, "model"), sum(row["kept"] for row in found["retention"])
    front = {
        "task_categories": ["text-generation"],
        "tags": ["thinksafe", "safety", "reasoning", "synthetic", "not-for-all-audiences"],
        "size_categories": [_size(kept)],
    }
    return _render("dataset-card.md.j2", found, front, model=model.get("name") or "the student", kept=kept)


def _render(template: str, found: Mapping, front: Mapping, **more: object) -> str:
    """Front matter by a YAML writer, so that no name can add a field; the text below it is escaped by `cell`."""
    environment = report.environment()
    environment.filters |= {"cell": cell, "code": code}
    filled = {key: _one_line(value) for key, value in front.items() if value}
    head = yaml.safe_dump(filled, sort_keys=False, allow_unicode=True, width=1000)
    body = environment.get_template(template).render(
        summary=found, axes=list(report.axes(found["metrics"])), lineage=report.lineage(found["lineage"]), **more
    )
    return f"---\n{head}---\n\n{body.strip()}\n"


def _one_line(value: object) -> object:
    """No text of several lines: one of them could be the --- that ends the front matter."""
    if isinstance(value, Mapping):
        return {key: _one_line(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_one_line(inner) for inner in value]
    return " ".join(value.split()) if isinstance(value, str) else value


def cell(text: object) -> str:
    """Text that stays what it is in Markdown: no HTML, no new table column, no new line."""
    return escape(" ".join(str(text).split()), quote=False).replace("|", "\\|").replace("`", "'")


def code(text: object) -> str:
    """Text between backticks, where Markdown reads neither HTML nor entities."""
    return f"`{' '.join(str(text).split()).replace('`', chr(39))}`"


def _part(found: Mapping, name: str) -> Mapping:
    part = found["lineage"].get(name)
    return part if isinstance(part, Mapping) else {}


def _hub_name(model: Mapping) -> str | None:
    """The base model as the hub links it; nothing for a folder or the tiny world, which no hub holds."""
    name = str(model.get("name") or "")
    return name if name and "://" not in name else None


def _results(found: Mapping) -> list[dict]:
    """The aligned model's primary metrics, in the hub's model-index form; values in per cent."""
    return [
        {
            "task": {"type": "text-generation"},
            "dataset": {"name": benchmark, "type": benchmark},
            "metrics": [
                {
                    "type": kind,
                    "name": f"{report.AXES[kind][1]} ({words.interval(aligned['low'], aligned['high'])})",
                    "value": round(aligned["value"] * 100, 2),
                }
            ],
        }
        for (kind, benchmark), (_, aligned) in primary_pairs(found["metrics"]).items()
        if aligned and aligned["value"] is not None and aligned["metric"] in PRIMARY
    ]


def _size(rows: int) -> str:
    for most, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")):
        if rows < most:
            return name
    return "n>1M"
