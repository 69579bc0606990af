"""JSON schema becomes what the API server calls structural, and what cannot is an error."""

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from thinksafe.crd.structural import schema_of


class Inner(BaseModel):
    share: float | None = Field(default=0.5, gt=0, lt=1, description="A share.")


class Outer(BaseModel):
    inner: Inner = Field(default=Inner(), description="It is there.")
    kind: Literal["a", "b"] | None = Field(default=None, description="A kind.")
    names: dict[str, Annotated[str, Field(max_length=3)]] = Field(default={}, max_length=2, description="Names.")


def test_references_nulls_and_bounds_become_the_api_servers():
    inner = {"description": "It is there.", "type": "object", "default": {"share": 0.5}, "properties": {
        "share": {"description": "A share.", "type": "number", "default": 0.5, "nullable": True, "minimum": 0,
                  "exclusiveMinimum": True, "maximum": 1, "exclusiveMaximum": True}}}  # fmt: skip
    assert schema_of(Outer, nulls=True)["properties"] == {
        "inner": inner,
        "kind": {"description": "A kind.", "type": "string", "nullable": True, "pattern": "^(a|b)$"},
        "names": {"description": "Names.", "type": "object", "default": {}, "maxProperties": 2,
                  "additionalProperties": {"type": "string", "maxLength": 3}},
    }  # fmt: skip


def test_without_nulls_an_optional_field_is_there_or_not():
    assert schema_of(Outer, nulls=False)["properties"]["kind"] == {
        "description": "A kind.", "type": "string", "enum": ["a", "b"],
    }  # fmt: skip


def test_what_has_no_place_in_it_is_an_error_and_not_a_loss():
    class Several(BaseModel):
        value: int | str

    class Multiple(BaseModel):
        value: int = Field(multiple_of=2)

    with pytest.raises(ValueError, match="several types"):
        schema_of(Several, nulls=True)
    with pytest.raises(ValueError, match="multipleOf"):
        schema_of(Multiple, nulls=True)
