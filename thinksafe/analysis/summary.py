"""summary.json (`thinksafe.dev/summary/v1`): everything a person or a program asks of a finished run.

The models here are its documentation and its check. Unknown fields are errors: so no prompt and no response can
slip into a summary unseen.
"""

import math
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, ValidationError

from thinksafe.errors import DataError

SCHEMA = "thinksafe.dev/summary/v1"


def _finite(value: object) -> object:
    """JSON has no NaN: a number that is none is left out, and reads as not measured."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    """A part of the summary."""

    model_config = ConfigDict(extra="forbid")


class RunName(Part):
    """Which run this is."""

    name: str
    namespace: str = "default"
    uid: str = ""


class Difference(Part):
    """Aligned minus base on the `n` problems that both answered, 95% interval."""

    value: float
    low: float
    high: float
    n: Count


class Metric(Part):
    """One model on one benchmark; shares of 1 with their 95% interval, None if nothing could be scored."""

    model: Literal["base", "aligned"]
    benchmark: str
    metric: str
    kind: Literal["harmful", "refusal", "accuracy"]
    value: Number
    low: Number
    high: Number
    n: Count = Field(description="Scored rows.")
    truncated: Count = Field(description="Rows cut off at the limit or for repeating; wrong in an accuracy.")
    unscored: Count = Field(description="Rows nobody could judge; outside `value`.")
    difference: Difference | None = None


class Retention(Part):
    """Responses kept of those generated, and the reasons of the others."""

    label: str
    kept: Count
    total: Count
    unfiltered: Count = Field(default=0, description="Of the kept ones: those of sources with `filter: none`.")
    prompts: Count | None = None
    reasons: dict[str, Count] = {}


class Coverage(Part):
    """Prompts that got their kept response at this rung of the steering ladder."""

    label: str
    rung: int
    kept: Count
    prompts: Count
    covered: Count | None = Field(default=None, description="Prompts covered by this rung or an earlier one.")


class Perplexity(Part):
    """Perplexity of the kept responses under the base model."""

    label: str
    value: Number
    low: Number = None
    high: Number = None
    rows: Count | None = None
    tokens: Count = 0


class Agreement(Part):
    """Two guards of a quorum on the responses that were not unusable in themselves: who calls them unsafe."""

    first: str
    second: str
    both_safe: Count
    both_unsafe: Count
    only_first_unsafe: Count
    only_second_unsafe: Count
    unscored: Count = Field(description="Responses that at least one of the two could not judge.")
    n: Count = Field(description="Responses that both judged; `kappa` is over these.")
    kappa: Number = Field(description="Cohen's kappa; None where one of the two says the same of all.")


class TiltBin(Part):
    """So many kept responses have a log ratio from `low` on and below `high`, in nats."""

    low: float
    high: float
    count: Count


class Tilt(Part):
    """log p(response | steered prompt) - log p(response | prompt) under the base, of a rung's kept responses, in nats.

    Only of responses that the base itself wrote after a steered prompt. 95% interval of the mean; `per_token` is the
    sum over the sum of tokens.
    """

    rung: int
    rows: Count
    tokens: Count
    mean: float
    low: Number = None
    high: Number = None
    median: float
    q05: float
    q95: float
    per_token: float
    effective: float = Field(
        description="Effective sample size of the weights that move the rows back to the unsteered base, by rows."
    )
    prompts: Count = Field(description="Prompts with several safe responses: over these `spread` is measured.")
    spread: Number = Field(description="Standard deviation of the log ratio within a prompt; 0 if the paper is right.")
    bins: list[TiltBin]


class ProbeRate(Part):
    """So many `hits` among `n`; the 95% interval of their share."""

    hits: Count
    n: Count
    low: Number = None
    high: Number = None


class ProbeTried(Part):
    """One steering template in the probe of `template: auto`."""

    template: str
    flips: ProbeRate = Field(description="Harmful prompts whose steered response is usable and safe for the guard.")
    refusals: ProbeRate = Field(description="Benign prompts, steered alike, that are refused or get nothing of use.")
    gain: float = Field(description="Share of flips less share of refusals; the highest is chosen.")


class Probe(Part):
    """How the first steering template was chosen."""

    chosen: str
    tried: list[ProbeTried]


class LengthBin(Part):
    """How many responses are shorter than `below` tokens and not in a lower bin."""

    what: str = Field(description="`kept <label>`, or `<model> <kind> thought|answer`.")
    below: float
    count: Count


class Step(BaseModel):
    """One point of the training curve; other numbers of the step may stand beside its loss."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Number] = Field(init=False)  # pyright: ignore[reportIncompatibleVariableOverride]
    step: Count
    loss: Number


class Training(Part):
    """How training went."""

    curve: list[Step] = []
    dropped: dict[str, Count] | Count = {}


class PaperSide(Part):
    """A figure of the paper or of the run, with its 95% interval; how the paper's gets one: `paper/figures.py`."""

    value: float
    low: Number = None
    high: Number = None
    n: Count | None = Field(default=None, description="Answers; none for an average.")


class PaperDifference(Part):
    """The run's figure minus the paper's, two independent samples, 95% interval."""

    value: float
    low: float
    high: float


class PaperFigure(Part):
    """One of the paper's figures, and the run's beside it."""

    name: str = Field(description="As the paper calls the column.")
    benchmark: str | None = Field(description="None for an average.")
    kind: Literal["harmful", "refusal", "accuracy"]
    paper: PaperSide
    run: PaperSide
    difference: PaperDifference | None = Field(description="None where the paper's interval is unknown.")
    in_run_interval: bool = Field(description="Whether the run's own interval holds the paper's value.")
    verdict: Literal["inside", "above", "below"] = Field(
        description="Of the run against the paper: the difference's interval includes zero, or lies on one side of it."
    )
    remark: str | None = None


class OtherSetting(Part):
    """A setting in which the run is not the paper's."""

    setting: str
    paper: str
    run: str


class Paper(Part):
    """The base model, or the adapter, beside what the paper says of the same model and method."""

    model: Literal["base", "aligned"]
    paper_model: str
    method: str
    place: str
    differs: list[OtherSetting]
    rows: list[PaperFigure]


class Signature(Part):
    """A failure signature of the paper that this run shows."""

    code: str
    evidence: str
    hint: str


class Finding(Part):
    """One rule of the gate held against one benchmark."""

    rule: str
    benchmark: str | None
    passed: bool
    value: Number
    bound: float
    sentence: str


class Gate(Part):
    """The gate's verdict."""

    passed: bool
    rules: list[Finding]
    sentence: str


class Cost(Part):
    """What one stage took; `cached` stages were found in the store."""

    stage: str
    seconds: Number = None
    gpu_seconds: Number = None
    tokens: Count | None = None
    cached: bool | None = None


class Prompts(Part):
    """Where the prompts came from, by source, and what was removed before anything was generated."""

    read: dict[str, Count] = {}
    removed: dict[str, Count] = {}
    labels: dict[str, Count] = {}


class Summary(BaseModel):
    """A whole summary.json. An error in it never quotes the value it is about: that might be a harmful text."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, hide_input_in_errors=True)
    schema_: Literal["thinksafe.dev/summary/v1"] = Field(default=SCHEMA, alias="schema")
    run: RunName
    gate: Gate
    metrics: list[Metric] = []
    paper: list[Paper] = Field(default=[], description="Only of a run of one of the paper's models.")
    signatures: list[Signature] = []
    retention: list[Retention] = []
    coverage: list[Coverage] = []
    perplexity: list[Perplexity] = []
    tilt: list[Tilt] = []
    probe: Probe | None = None
    agreement: list[Agreement] = []
    lengths: list[LengthBin] = []
    training: Training = Training()
    cost: list[Cost] = []
    prompts: Prompts = Prompts()
    lineage: dict[str, JsonValue] = Field(default={}, description="Models, digests, versions, settings, seed.")
    notes: list[str] = Field(default=[], description="What a reader must know, shown above the numbers.")


def build(**parts: object) -> dict:
    """summary.json out of its parts, by the names of `Summary`'s fields; `run` and `gate` must be there.

    pydantic's ValidationError (a ValueError) names the field if a part is not as documented.
    """
    return Summary.model_validate(parts).model_dump(mode="json", by_alias=True)


def read(document: object) -> Summary:
    """Check a summary that comes from a file. DataError names the first field that is wrong."""
    try:
        return Summary.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DataError(
            f"summary.json: {place}: {first['msg']}", hint=f"It must be a whole {SCHEMA} document"
        ) from error
