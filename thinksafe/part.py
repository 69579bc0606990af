"""What every part of the API's models has in common, and how a rule is said once for both of its judges.

A manifest is judged twice: on a machine by pydantic, on a cluster by the API server, which knows only the CRD that
is generated from the same models. So a model validator stands beside the CEL rule that says the same (`rules`).

A validator's message that begins with a dot goes on from the field: ".value: cannot be ..." of spec.workers.env[0] is
about spec.workers.env[0].value (manifest.py puts them together, as the API server does with a rule's fieldPath).
"""

import types
import typing
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

Name = Annotated[str, Field(min_length=1, max_length=512)]
Share = Annotated[float, Field(ge=0, le=1)]
# Python's integers have no end, the API server's do. (For fields without an upper bound of their own.)
Whole = Annotated[int, Field(le=2**31 - 1)]
# A text of which we know nothing but that it is short; the cost of a CEL rule is reckoned from the longest one.
Word = Annotated[str, Field(max_length=512)]
# The name of another Kubernetes object: a DNS subdomain.
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]

LabelValue = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]


class Part(BaseModel):
    """A part of the spec: unknown fields are errors, and nothing changes after reading.

    Strict, because the API server is: the text "8" is no number for it. As there, a null where a field cannot be null
    means that the field is not set, and 8.0 is a whole number.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )

    @model_validator(mode="before")
    @classmethod
    def _as_the_api_server_reads(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        types_ = {f.alias or name: f.annotation for name, f in cls.model_fields.items()}
        kept = {k: v for k, v in value.items() if v is not None or k not in types_ or _may_be(types_[k], type(None))}
        return {
            k: int(v) if isinstance(v, float) and v.is_integer() and _may_be(types_.get(k), int) else v
            for k, v in kept.items()
        }


def _may_be(annotation: Any, kind: type) -> bool:
    """Whether a field of this type may hold a value of exactly this kind."""
    if typing.get_origin(annotation) is Annotated:
        return _may_be(typing.get_args(annotation)[0], kind)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(_may_be(a, kind) for a in typing.get_args(annotation))
    return annotation is kind


def cel(*rules: tuple[str, str] | tuple[str, str, str]) -> dict[str, Any]:
    """CEL rules as JSON schema: (expression, message) or (expression, message, path of the field at fault)."""
    keys = ("rule", "message", "fieldPath")
    return {"x-kubernetes-validations": [dict(zip(keys, r, strict=False)) for r in rules]}


def rules(*rules: tuple[str, str] | tuple[str, str, str]) -> ConfigDict:
    """A model's CEL rules, as its `model_config` (see `cel`)."""
    return ConfigDict(json_schema_extra=cel(*rules))


def given(field: str, of: str = "self") -> str:
    """CEL for "the field is there and not null". `dyn`: CEL does not compare a text with null as such."""
    return f"(has({of}.{field}) && dyn({of}.{field}) != null)"


def exactly_one(*fields: str) -> str:
    """CEL for "exactly one of the fields is given"."""
    return f"[{', '.join(given(f) for f in fields)}].filter(x, x).size() == 1"
