"""The combined summary.json of an experiment (`thinksafe.dev/experiment/v1`).

The models here are its documentation and its check. Unknown fields are errors: so no prompt and no response can slip
into it unseen.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from thinksafe.analysis.summary import Count, Number, Part, Perplexity, Retention, Signature
from thinksafe.errors import DataError

SCHEMA = "thinksafe.dev/experiment/v1"


class Name(Part):
    """Which experiment this is."""

    name: str
    namespace: str = "default"
    uid: str = ""


class Estimate(Part):
    """A share of 1 with its 95% interval; None if nothing could be scored."""

    value: Number
    low: Number
    high: Number
    n: Count | None = Field(default=None, description="Scored rows, where it is of one benchmark.")


class Difference(Part):
    """The variant's adapter minus the baseline's, over the `n` problems that both answered.

    The interval has the corrected confidence of the whole document, so all of them hold at once with 95%.
    """

    value: float
    low: float
    high: float
    n: Count
    verdict: Literal["better", "worse", "unclear"]


class Row(Part):
    """One variant's adapter on one benchmark, by its primary metric."""

    variant: str
    benchmark: str
    kind: Literal["harmful", "refusal", "accuracy"]
    metric: str | None = None
    value: Number = None
    low: Number = None
    high: Number = None
    n: Count = 0
    truncated: Count = 0
    unscored: Count = 0
    base: Estimate | None = Field(default=None, description="The same of the model without an adapter.")
    difference: Difference | None = Field(default=None, description="None for the baseline itself.")
    why: str = Field(default="", description="Why there is no value, or no difference.")


class Point(Part):
    """A place in the plane: means over the harmful benchmarks and over those of right answers."""

    name: str
    base: bool = Field(default=False, description="A model without an adapter, not a variant.")
    harmful: Estimate
    accuracy: Estimate
    front: bool = Field(description="No other point is at least as good on both axes and better on one.")


class Work(Part):
    """What a variant takes: seconds of work and of devices, tokens, and the numbers of stages and artifacts."""

    seconds: float = 0.0
    gpu_seconds: float = 0.0
    tokens: Count = 0
    stages: Count = 0
    artifacts: Count = 0


class Cost(Part):
    """`alone`: all that the variant is made from. `own`: what no earlier variant of the experiment has too."""

    alone: Work = Work()
    own: Work = Work()


class Variant(Part):
    """One variant: its run, how it ended, what it changes, and what its report says beside the benchmarks."""

    name: str
    run: Name
    phase: str = Field(description="As a run's, or Skipped for a round that was not worth it.")
    why: str = Field(default="", description="Why it has no report, in a sentence.")
    generator_from: str | None = None
    settings: dict[str, JsonValue] = Field(default={}, description="What the patch sets, by its dotted place.")
    gate_passed: bool | None = None
    gate: str = ""
    retention: list[Retention] = []
    perplexity: list[Perplexity] = []
    signatures: list[Signature] = []
    further: dict[str, JsonValue] = Field(default={}, description="Parts of the run's summary taken as they are.")
    cost: Cost = Cost()


class Round(Part):
    """Whether a next round after this variant is worth it, by the stop rule."""

    go: bool
    why: str


class Correction(Part):
    """How the intervals of the differences are corrected: Bonferroni over all `comparisons` of the document."""

    comparisons: Count
    confidence: float = Field(description="1 - 0.05 / comparisons: of each single interval.")


class Document(BaseModel):
    """A whole combined summary. An error in it never quotes the value it is about."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)
    schema_: Literal["thinksafe.dev/experiment/v1"] = Field(default=SCHEMA, alias="schema")
    experiment: Name
    baseline: str
    correction: Correction
    variants: list[Variant]
    rows: list[Row] = []
    plane: list[Point] = []
    rounds: dict[str, Round] = {}
    notes: list[str] = Field(default=[], description="What a reader must know, shown above the numbers.")


def build(**parts: object) -> dict:
    """The document out of its parts; pydantic's ValidationError (a ValueError) names a field that is wrong."""
    return Document.model_validate(parts).model_dump(mode="json", by_alias=True)


def read(document: object) -> Document:
    """Check a document that comes from a file. DataError names the first field that is wrong."""
    try:
        return Document.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DataError(
            f"the experiment's summary.json: {place}: {first['msg']}", hint=f"It must be a whole {SCHEMA} document"
        ) from error
