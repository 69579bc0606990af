"""ThinkSafeRun's status: what the operator writes and everyone else reads. The CRD's other half is thinksafe/spec.

Only short words, names and numbers stand in it, never a row's text. It is smaller than MAX_BYTES, always (`fit`):
one object of etcd is written at every change of it.
"""

import json
from collections.abc import Callable, Mapping
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
        default=None, description="The worker's exit code, where there was one."
    )
    reason: Reason | None = Field(default=None, description="The kind of failure, from a closed list.")
    message: Message | None = Field(default=None, description="What went wrong.")
    hint: Message | None = Field(default=None, description="What to do about it.")
    node: str | None = Field(default=None, max_length=253, description="The node on which it happened.")
    time: Time | None = Field(default=None, description="When it was seen.")


class StageStatus(StatusPart):
    """How one stage stands."""

    name: str = Field(min_length=1, max_length=63, description="The stage, such as prepare or generate-2.")
    state: Literal["Waiting", "Queued", "Running", "Suspended", "Succeeded", "Cached", "Failed"] | None = Field(
        default=None, description="How it stands; Cached if the store held all it makes already."
    )
    job: str | None = Field(default=None, max_length=63, description="The name of the latest attempt's Job.")
    attempt: Count | None = Field(default=None, description="The number of the latest attempt; 0 if there was none.")
    failures: Count | None = Field(default=None, description="How many attempts count against retries.")
    disruptions: Count | None = Field(
        default=None, description="How many attempts a deletion or disruption ended; they count after the third."
    )
    start_time: Time | None = Field(default=None, description="When its first worker started.")
    completion_time: Time | None = Field(default=None, description="When its outcome was recorded.")
    chunks: Count | None = Field(default=None, description="How many chunks are committed.")
    total_chunks: Count | None = Field(default=None, description="How many chunks there will be.")
    rows: Count | None = Field(default=None, description="How many rows are committed.")
    total_rows: Count | None = Field(default=None, description="How many rows there will be.")
    tokens: Count | None = Field(default=None, description="How many tokens were generated or read.")
    tokens_per_second: Measure | None = Field(default=None, description="The rate of all workers together.")
    gpu_seconds: Measure | None = Field(default=None, description="How long accelerators were held, added up.")
    progress_time: Time | None = Field(default=None, description="When a worker was heard of last.")
    artifacts: dict[str, str] | None = Field(
        default=None, description="The digest, or its start, of each artifact that the stage makes, by name."
    )
    last_failure: Failure | None = Field(default=None, description="How the latest failed attempt ended.")
    avoid_nodes: list[str] | None = Field(
        default=None, max_length=16, description="Nodes on which an accelerator failed; no further attempt runs there."
    )


class Condition(StatusPart):
    """One aspect of the run's state, as metav1.Condition."""

    type: str = Field(min_length=1, max_length=316, description="The aspect, such as Ready or GatePassed.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    observed_generation: Count | None = Field(default=None, description="The generation of the spec it is about.")
    last_transition_time: Time = Field(description="When the status of the condition changed last.")
    reason: Annotated[
        str, Field(min_length=1, max_length=128, pattern=r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ] = Field(description="Why, as one word from a closed list.")
    message: Message = Field(description="Why, as a sentence, and what to do if something must be done.")


class Result(StatusPart):
    """What a benchmark measured on the base model and on the aligned one."""

    kind: Literal["harmful", "refusal", "accuracy"] = Field(description="What the benchmark measures.")
    benchmark: str = Field(max_length=63, description="The benchmark's name.")
    base: float | None = Field(default=None, description="The base model's value, between 0 and 1.")
    aligned: float | None = Field(default=None, description="The aligned model's value, between 0 and 1.")


class RunStatus(StatusPart):
    """How a run stands, as the operator saw it last."""

    phase: Literal["Pending", "Queued", "Running", "Suspended", "Succeeded", "GateFailed", "Failed"] | None = Field(
        default=None, description="The whole run in one word."
    )
    observed_generation: Count | None = Field(default=None, description="The generation of the spec it is about.")
    start_time: Time | None = Field(default=None, description="When the operator took up the run.")
    completion_time: Time | None = Field(default=None, description="When the run ended.")
    suspended_seconds: Count | None = Field(
        default=None, description="How long it was suspended in all, up to its last resumption."
    )
    stage: str | None = Field(default=None, max_length=63, description="The stage that runs, or that failed.")
    progress: str | None = Field(
        default=None, max_length=63, description="How far the stage is, in a word: a percentage, or what it does."
    )
    gate: Literal["Pending", "Passed", "Failed"] | None = Field(default=None, description="What the gate said.")
    message: Message | None = Field(default=None, description="What happens or why it waits, in a sentence.")
    stages: list[StageStatus] | None = Field(
        default=None, max_length=32, description="How each stage stands.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )  # fmt: skip
    conditions: list[Condition] | None = Field(
        default=None, max_length=32, description="Every aspect of the run's state.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )  # fmt: skip
    results: list[Result] | None = Field(
        default=None, max_length=MAX_RESULTS, description="What was measured, base and aligned side by side."
    )
    report: str | None = Field(default=None, max_length=1024, description="Where the report's page is.")
    adapter: str | None = Field(default=None, max_length=1024, description="Where the released adapter is.")
    kept: Count | None = Field(default=None, description="How many responses the guard let pass.")
    judged: Count | None = Field(default=None, description="How many responses the guard judged.")


def size(status: Mapping) -> int:
    """The bytes of a status as the API server keeps it."""
    return len(json.dumps(status, separators=(",", ":"), ensure_ascii=False).encode())


def fit(status: dict) -> dict:
    """The status made smaller than MAX_BYTES, by leaving out first what is missed least.

    The current or failed stage keeps its words longest; of any other stage go its failure's words, its lists, its
    rates, at the very last its amounts. What decisions rest on (states, jobs, attempts, failures, times, conditions
    and their reasons) is never touched. The same status in, the same out; one that fits is returned as it is.
    """
    for save in _SAVINGS:
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


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _failure_words(length: int) -> Callable[[dict], dict]:
    def change(stage: dict) -> dict:
        if not (failure := stage.get("lastFailure")):
            return stage
        words = {k: _cut(failure[k], length) for k in ("message", "hint") if failure.get(k)}
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
        conditions = [{**c, "message": _cut(c["message"], length)} for c in status.get("conditions", [])]
        stages = [_failure_words(length)(s) for s in status.get("stages", [])]
        message = {"message": _cut(status["message"], 2 * length)} if "message" in status else {}
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
