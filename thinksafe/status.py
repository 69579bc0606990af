"""ThinkSafeRun's status: what the operator writes and everyone else reads. The CRD's other half is thinksafe/spec.

Only short words, names and numbers stand in it, never a row's text. It is smaller than MAX_BYTES, always (`fit`):
one object of etcd is written at every change of it.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

PHASES = ("Pending", "Queued", "Running", "Suspended", "Succeeded", "GateFailed", "Failed")
STATES = ("Waiting", "Queued", "Running", "Suspended", "Succeeded", "Cached", "Failed")
# All of these exist after the first write of the status; QuotaReserved is there too if the run has a queue.
CONDITIONS = (
    "Ready", "Reconciling", "Stalled", "Suspended", "Prepared", "Generated", "Filtered", "Trained", "Evaluated",
    "Reported", "GatePassed", "Complete", "Failed",
)  # fmt: skip
QUOTA_RESERVED = "QuotaReserved"
MAX_BYTES = 16 * 1024
MAX_MESSAGE = 1024
MAX_RESULTS = 12

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Message = Annotated[str, Field(max_length=MAX_MESSAGE)]
Count = Annotated[int, Field(ge=0, le=2**53)]  # what JSON and CEL both hold exactly
Measure = Annotated[float, Field(ge=0)]
Reason = Annotated[str, Field(max_length=128, pattern=r"^([A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?)?$")]


class StatusPart(BaseModel):
    """A part of the status, camelCase in the API."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True, allow_inf_nan=False
    )


class Failure(StatusPart):
    """How an attempt of a stage ended that did not succeed."""

    code: Annotated[int, Field(ge=-(2**31), le=2**31 - 1)] | None = Field(
        default=None, description="The worker ended with this exit code, where there was one."
    )
    reason: Reason | None = Field(
        default=None,
        description="The reason is one word from a closed list; docs/troubleshooting.md has an entry for each.",
    )
    message: Message | None = Field(default=None, description="The message says what went wrong, and where.")
    hint: Message | None = Field(default=None, description="The hint says what to do about it.")
    node: str | None = Field(default=None, max_length=253, description="It happened on the node of this name.")
    time: Time | None = Field(default=None, description="The operator saw it at this time.")


class StageStatus(StatusPart):
    """A stage is one step of the run, with one Job an attempt."""

    name: str = Field(
        min_length=1, max_length=63, description="The stage has this name, such as prepare or generate-2."
    )
    state: Literal["Waiting", "Queued", "Running", "Suspended", "Succeeded", "Cached", "Failed"] | None = Field(
        default=None,
        description="The state says how the stage stands; it is Cached if the store held all that it makes already.",
    )
    job: str | None = Field(default=None, max_length=63, description="The Job of the latest attempt has this name.")
    attempt: Count | None = Field(
        default=None, description="The latest attempt has this number; it is 0 if there was none."
    )
    failures: Count | None = Field(
        default=None, description="So many attempts of the stage count against its retries."
    )
    disruptions: Count | None = Field(
        default=None,
        description="So many attempts were ended by a deletion or a disruption; from the fourth on they count as "
        "failures.",
    )
    start_time: Time | None = Field(default=None, description="The first worker of the stage started at this time.")
    completion_time: Time | None = Field(
        default=None, description="The outcome of the stage was recorded at this time."
    )
    chunks: Count | None = Field(default=None, description="So many chunks of the stage are committed.")
    total_chunks: Count | None = Field(default=None, description="So many chunks there will be in all.")
    rows: Count | None = Field(default=None, description="So many rows of the stage are committed.")
    total_rows: Count | None = Field(default=None, description="So many rows there will be in all.")
    tokens: Count | None = Field(default=None, description="So many tokens were generated or read.")
    tokens_per_second: Measure | None = Field(
        default=None, description="This is the rate of all workers of the stage together."
    )
    gpu_seconds: Measure | None = Field(
        default=None, description="Accelerators were held for so long, added up over all workers."
    )
    progress_time: Time | None = Field(
        default=None, description="A worker of the stage was heard of last at this time."
    )
    artifacts: dict[str, str] | None = Field(
        default=None,
        description="Each artifact that the stage makes is listed by name with its digest, or the start of it.",
    )
    last_failure: Failure | None = Field(default=None, description="This is how the latest failed attempt ended.")
    avoid_nodes: list[str] | None = Field(
        default=None,
        max_length=16,
        description="An accelerator failed on these nodes, so no further attempt runs there.",
    )


class Condition(StatusPart):
    """A condition tells one aspect of the run's state, as metav1.Condition does."""

    type: str = Field(
        min_length=1, max_length=316, description="The condition is about this aspect, such as Ready or GatePassed."
    )
    status: Literal["True", "False", "Unknown"] = Field(
        description="The status is True, False, or Unknown as long as nothing is known."
    )
    observed_generation: Count | None = Field(
        default=None, description="The condition is about this generation of the spec."
    )
    last_transition_time: Time = Field(description="The status of the condition changed last at this time.")
    reason: Annotated[
        str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ] = Field(description="The reason is one word from a closed list; docs/troubleshooting.md has an entry for each.")
    message: Message = Field(
        description="The message says why in a sentence, and what to do if something must be done."
    )


class Result(StatusPart):
    """A result is what a benchmark measured on the base model and on the aligned one."""

    kind: Literal["harmful", "refusal", "accuracy"] = Field(
        description="The benchmark measures harm, over-refusal or accuracy."
    )
    benchmark: str = Field(max_length=63, description="The benchmark has this name.")
    base: float | None = Field(default=None, description="The base model has this value, between 0 and 1.")
    aligned: float | None = Field(default=None, description="The aligned model has this value, between 0 and 1.")


class RunStatus(StatusPart):
    """The status tells how the run stands, as the operator saw it last."""

    phase: Literal["Pending", "Queued", "Running", "Suspended", "Succeeded", "GateFailed", "Failed"] | None = Field(
        default=None, description="The phase tells the whole run in one word."
    )
    observed_generation: Count | None = Field(
        default=None, description="The status is about this generation of the spec."
    )
    start_time: Time | None = Field(default=None, description="The operator took up the run at this time.")
    completion_time: Time | None = Field(default=None, description="The run ended at this time.")
    suspended_seconds: Count | None = Field(
        default=None, description="The run was suspended for so long in all, up to its last resumption."
    )
    stage: str | None = Field(
        default=None, max_length=63, description="This is the stage that the run is at, or that failed."
    )
    progress: str | None = Field(
        default=None,
        max_length=63,
        description="The progress tells how far the stage is: a percentage, or what it does.",
    )
    gate: Literal["Pending", "Passed", "Failed"] | None = Field(
        default=None, description="The gate is pending until the report is made, and then passed or failed."
    )
    message: Message | None = Field(
        default=None, description="The message says in a sentence what happens, or why the run waits."
    )
    stages: list[StageStatus] | None = Field(
        default=None, max_length=32, description="Each stage of the run is told of here.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )  # fmt: skip
    conditions: list[Condition] | None = Field(
        default=None, max_length=32, description="Each condition tells of one aspect of the run's state.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )  # fmt: skip
    results: list[Result] | None = Field(
        default=None,
        max_length=MAX_RESULTS,
        description="These values were measured, base model and aligned model side by side.",
    )
    report: str | None = Field(default=None, max_length=1024, description="The page of the report is at this address.")
    adapter: str | None = Field(default=None, max_length=1024, description="The released adapter is at this address.")
    kept: Count | None = Field(default=None, description="The guard let so many responses pass.")
    judged: Count | None = Field(default=None, description="The guard judged so many responses.")


def size(status: Mapping) -> int:
    """The bytes of a status as the API server keeps it."""
    return len(json.dumps(status, separators=(",", ":"), ensure_ascii=False).encode())


def fit(status: dict) -> dict:
    """The status made smaller than MAX_BYTES, by leaving out first what is missed least.

    The current or failed stage keeps its words longest; of any other stage go its failure's words, its lists, its
    rates, at the very last its amounts. What decisions rest on (states, jobs, attempts, failures, times, conditions
    and their reasons) is never touched. The same status in, the same out; one that fits is returned as it is.
    """
    return saved(status, _SAVINGS)


def saved(status: dict, savings: Iterable[Callable[[dict], dict]]) -> dict:
    """The status after as many of the savings, in their order, as make it smaller than MAX_BYTES."""
    for save in savings:
        if size(status) <= MAX_BYTES - _MARGIN:
            break
        status = save(status)
    return status


_MARGIN = 256


def _of_others(change: Callable[[dict], dict]) -> Callable[[dict], dict]:
    """The status with every stage changed but the one it is at."""

    def save(status: dict) -> dict:
        at = status.get("stage")
        return {**status, "stages": [s if s["name"] == at else change(s) for s in status.get("stages", [])]}

    return save


def shortened(text: str, length: int) -> str:
    """The text, with an ellipsis for its end if it is longer than `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def _failure_words(length: int) -> Callable[[dict], dict]:
    def change(stage: dict) -> dict:
        if not (failure := stage.get("lastFailure")):
            return stage
        words = {k: shortened(failure[k], length) for k in ("message", "hint") if failure.get(k)}
        return {**stage, "lastFailure": {**failure, **words}}

    return change


def _short_digests(stage: dict) -> dict:
    if not (artifacts := stage.get("artifacts")):
        return stage
    return {**stage, "artifacts": {node: digest[:16] for node, digest in artifacts.items()}}


def _without(*fields: str) -> Callable[[dict], dict]:
    return lambda stage: {k: v for k, v in stage.items() if k not in fields}


def _messages(length: int) -> Callable[[dict], dict]:
    """Every message of the status at most so long, those of the current stage too."""

    def save(status: dict) -> dict:
        conditions = [{**c, "message": shortened(c["message"], length)} for c in status.get("conditions", [])]
        stages = [_failure_words(length)(s) for s in status.get("stages", [])]
        message = {"message": shortened(status["message"], 2 * length)} if "message" in status else {}
        return {**status, **message, "stages": stages, "conditions": conditions}

    return save


def _few_nodes(status: dict) -> dict:
    """The current stage with the nodes it avoids last, and short digests."""
    stages = [_short_digests(s) for s in status.get("stages", [])]
    return {
        **status, "stages": [{**s, "avoidNodes": s["avoidNodes"][-3:]} if "avoidNodes" in s else s for s in stages]
    }  # fmt: skip


_SAVINGS: tuple[Callable[[dict], dict], ...] = (
    _of_others(_failure_words(160)),
    _of_others(_short_digests),
    _of_others(_failure_words(40)),
    _of_others(_without("progressTime", "tokensPerSecond")),
    _messages(160),
    _of_others(_without("avoidNodes", "lastFailure")),
    _of_others(_without("artifacts", "totalChunks", "totalRows")),
    _few_nodes,
    _messages(40),
    _of_others(_without("tokens", "gpuSeconds", "chunks", "rows")),
)
