"""docs/manifest*.md: every field of a manifest with its type, its default and its sentence. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from thinksafe.crd.definition import definition
from thinksafe.crd.kinds import EXPERIMENT, RUN, Kind

_HEADS = {
    RUN: """# The manifest

Every field of a ThinkSafeRun, made by `make crds` from `thinksafe/spec`. Unset fields have the value given as
default. The spec cannot be changed once it is applied, but for {mutable}: other inputs are another run.
`thinksafe validate` and the API server refuse the same manifests; `examples/` holds some that work.

All stages have the same fields, and so has `workers`, whose values hold for every stage that sets none itself.
""",
    EXPERIMENT: """# The manifest of an experiment

Every field of a ThinkSafeExperiment, made by `make crds` from `thinksafe/spec`. The spec cannot be changed once it is
applied, but for {mutable}: another comparison is another
experiment. `run` has the fields of [a ThinkSafeRun's spec](manifest.md#spec).
""",
}


def reference(kind: Kind) -> str:
    """The page."""
    version = definition(kind)["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]["properties"]
    lines = [_HEADS[kind].format(mutable=", ".join(f"`{m}`" for m in kind.mutable))]
    lines += _section("spec", root["spec"])
    lines += _section("status", root["status"])
    return "\n".join(lines) + "\n"


def _section(title: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n\n| field | type | default | meaning |\n| --- | --- | --- | --- |"
    yield from _rows("", schema)


def _rows(prefix: str, schema: dict[str, Any]) -> Iterator[str]:
    required = schema.get("required", [])
    for name, field in schema["properties"].items():
        path = f"{prefix}{name}"
        default = "required" if name in required else _default(field)
        yield f"| `{path}` | {_type(field)} | {default} | {_cell(field.get('description', ''))} |"
        below = field.get("items", field)
        if "properties" in below and not _is_told_before(path):
            yield from _rows(f"{path}[]." if "items" in field else f"{path}.", below)


def _is_told_before(path: str) -> bool:
    """Stages have the fields of `workers`, the judge those of the guard, the generator those of the model.

    An experiment's run has those of a run.
    """
    return path.startswith("stages.") or path in ("evaluation.judge", "generator", "run")


def _default(field: dict[str, Any]) -> str:
    value = field.get("default")
    return "" if value in (None, []) or isinstance(value, dict) else f"`{json.dumps(value)}`"


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{v}`" for v in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "quantity"
    if "items" in field:
        return f"list of {_type(field['items'])}"
    if "additionalProperties" in field:
        value = field["additionalProperties"]
        return "object" if "x-kubernetes-preserve-unknown-fields" in value else f"map of {_type(value)}"
    return field["type"] + _bounds(field)


def _bounds(field: dict[str, Any]) -> str:
    low = f"{'>' if field.get('exclusiveMinimum') else '≥'} {field['minimum']}" if "minimum" in field else ""
    high = f"{'<' if field.get('exclusiveMaximum') else '≤'} {field['maximum']}" if "maximum" in field else ""
    if field.get("maximum", 0) >= 2**31 - 1:
        high = ""
    bounds = ", ".join(b for b in (low, high) if b)
    return f" {bounds}" if bounds else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
