"""A pydantic model's JSON schema -> the structural OpenAPI v3 schema that a CustomResourceDefinition wants. Pure.

The two differ: no $ref and no anyOf, null is `nullable`, an exclusive bound is a flag, and a map bounds its
properties, not its length.
"""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

# Taken over as they are. What is in neither list is an error: nothing of a schema gets lost in silence.
_KEPT = {
    "type", "description", "format", "pattern", "enum", "default", "minimum", "maximum", "minLength", "maxLength",
    "nullable", "minItems", "maxItems", "minProperties", "maxProperties", "required", "x-kubernetes-validations",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
}  # fmt: skip
_DROPPED = {"title", "$defs"}


class _Schema(GenerateJsonSchema):
    """Defaults by the names of the API, and whole: the API server judges a default before it fills it in."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, BaseModel):
            return dft.model_dump(mode="json", by_alias=True, exclude_none=True)
        if isinstance(dft, list):
            return [self.encode_default(item) for item in dft]
        return super().encode_default(dft)


def schema_of(model: type[BaseModel], *, nulls: bool) -> dict[str, Any]:
    """The structural schema of a model.

    With `nulls` an optional field may also be null, as pydantic has it; without, it is there or not.
    """
    document = model.model_json_schema(by_alias=True, schema_generator=_Schema)
    return _structural(document, document.get("$defs", {}), nulls)


def _structural(node: dict[str, Any], named: dict[str, Any], nulls: bool) -> dict[str, Any]:
    node = _resolved(node, named)
    made = _alternative(node, named, nulls) if "anyOf" in node else {}
    for key, value in node.items():
        if key == "properties":
            made[key] = {name: _structural(field, named, nulls) for name, field in value.items()}
        elif key == "items" or (key == "additionalProperties" and value is not False):
            made[key] = _structural(value, named, nulls)
        else:
            made |= _keyword(key, value)
    if made.get("type") == "array":
        made.setdefault("x-kubernetes-list-type", "atomic")
    return _ordered(made)


def _alternative(node: dict[str, Any], named: dict[str, Any], nulls: bool) -> dict[str, Any]:
    """The schema of "something or null"; the two keywords of it are taken out of the node."""
    alternatives = [a for a in node.pop("anyOf") if a != {"type": "null"}]
    if len(alternatives) != 1:
        raise ValueError(f"a field of several types has no structural schema: {alternatives}")
    if node.get("default", ...) is None:
        del node["default"]
    made = _structural(alternatives[0], named, nulls)
    if not nulls:
        return made
    if "enum" in made:  # the API server lets no null pass an enum, not even one that lists it
        made["pattern"] = f"^({'|'.join(made.pop('enum'))})$"
    return made | {"nullable": True}


def _keyword(key: str, value: Any) -> dict[str, Any]:
    """One keyword that holds no other schema."""
    if key in ("exclusiveMinimum", "exclusiveMaximum"):
        return {key.removeprefix("exclusive").lower(): value, key: True}
    if key == "const":
        return {"enum": [value]}
    if key in _KEPT:
        return {key: value}
    # Unknown fields are errors or pruned, as the API server is asked to: it has no additionalProperties: false.
    if key in _DROPPED or key == "additionalProperties":
        return {}
    raise ValueError(f"{key} has no place in a structural schema")


def _resolved(node: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """The node with its $ref replaced by what it names; what the field itself says of it wins."""
    if "$ref" not in node:
        return dict(node)
    own = {k: v for k, v in node.items() if k != "$ref"}
    return {**named[node["$ref"].rpartition("/")[2]], **own}


def _ordered(schema: dict[str, Any]) -> dict[str, Any]:
    """As one reads it: the sentence and the type first, the fields below last."""
    first, last = ("description", "type"), ("x-kubernetes-validations", "required", "items", "additionalProperties",
                                            "properties")  # fmt: skip
    middle = sorted(k for k in schema if k not in (*first, *last))
    return {k: schema[k] for k in (*first, *middle, *last) if k in schema}
