"""ThinkSafeExperiment's status: what the operator writes, with a line a variant. Smaller than MAX_BYTES (`fit`)."""

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from thinksafe.spec.experiment import MAX_VARIANTS
from thinksafe.status import (
    MAX_RESULTS,
    Condition,
    Count,
    Failure,
    Message,
    Reason,
    StatusPart,
    Time,
    saved,
    shortened,
)

EXPERIMENT_PHASES = ("Pending", "Running", "Suspended", "Succeeded", "Failed")
VARIANT_ENDS = ("Succeeded", "GateFailed", "Failed", "Skipped")
# All of these exist after the first write of the status.
EXPERIMENT_CONDITIONS = ("Ready", "Reconciling", "Stalled", "Suspended", "Reported", "Complete", "Failed")
MAX_WORDS = 256  # characters of a variant's message

Words = Annotated[str, Field(max_length=MAX_WORDS)]


class VariantResult(StatusPart):
    """A result is what a benchmark measured on the variant's aligned model."""

    kind: Literal["harmful", "refusal", "accuracy"] = Field(
        description="The benchmark measures harm, over-refusal or accuracy."
    )
    benchmark: str = Field(max_length=63, description="The benchmark has this name.")
    aligned: float = Field(description="The aligned model has this value, between 0 and 1.")


class VariantStatus(StatusPart):
    """A variant is one run of the experiment; how it ended is kept here, whatever becomes of its run."""

    name: str = Field(min_length=1, max_length=24, description="The variant has this name.")
    phase: (
        Literal["Waiting", "Pending", "Queued", "Running", "Suspended", "Succeeded", "GateFailed", "Failed", "Skipped"]
        | None
    ) = Field(
        default=None,
        description="The phase is that of its run; it is Waiting before there is one, and Skipped if there will be "
        "none.",
    )
    run: str | None = Field(default=None, max_length=40, description="The ThinkSafeRun of the variant has this name.")
    run_uid: str | None = Field(default=None, max_length=64, description="The ThinkSafeRun has this uid.")
    stage: str | None = Field(default=None, max_length=63, description="The run is at this stage, or failed at it.")
    progress: str | None = Field(default=None, max_length=63, description="The stage of the run is so far.")
    gate: Literal["Pending", "Passed", "Failed"] | None = Field(
        default=None, description="The gate of the run is pending until its report is made."
    )
    reason: Reason | None = Field(
        default=None,
        description="The reason is one word from a closed list; docs/troubleshooting.md has an entry for each.",
    )
    message: Words | None = Field(
        default=None, description="The message says in a sentence how it stands, or why it ended as it did."
    )
    another_round: bool | None = Field(
        default=None, description="The stop rule was asked about the variant before, and said whether to go on."
    )
    adapter: str | None = Field(
        default=None, max_length=64, description="The adapter that the run trained has this digest, or one so begun."
    )
    completion_time: Time | None = Field(default=None, description="The variant ended at this time.")
    results: list[VariantResult] | None = Field(
        default=None, max_length=MAX_RESULTS, description="These values were measured on the variant's aligned model."
    )


class Comparison(StatusPart):
    """A comparison is a Job that reads finished runs: before a further round, and at the end for the report."""

    before: str | None = Field(
        default=None, max_length=24, description="It is asked before this variant; if unset, it makes the report."
    )
    job: str | None = Field(default=None, max_length=63, description="The Job of the latest attempt has this name.")
    attempt: Count | None = Field(default=None, description="The latest attempt has this number.")
    failures: Count | None = Field(default=None, description="So many attempts have failed.")
    state: Literal["Waiting", "Running", "Succeeded", "Failed"] | None = Field(
        default=None, description="The state says how the comparison stands."
    )
    time: Time | None = Field(default=None, description="The state, or the attempt, changed last at this time.")
    last_failure: Failure | None = Field(default=None, description="This is how the latest failed attempt ended.")


class ExperimentStatus(StatusPart):
    """The status tells how the experiment stands, as the operator saw it last."""

    phase: Literal["Pending", "Running", "Suspended", "Succeeded", "Failed"] | None = Field(
        default=None, description="The phase tells the whole experiment in one word."
    )
    observed_generation: Count | None = Field(
        default=None, description="The status is about this generation of the spec."
    )
    start_time: Time | None = Field(default=None, description="The operator took up the experiment at this time.")
    completion_time: Time | None = Field(default=None, description="The experiment ended at this time.")
    done: str | None = Field(
        default=None, max_length=15, description="So many variants have ended, of so many in all, such as 3/5."
    )
    baseline: str | None = Field(
        default=None, max_length=24, description="Every variant is compared with the one of this name."
    )
    message: Message | None = Field(
        default=None, description="The message says in a sentence what happens, or why the experiment waits."
    )
    variants: list[VariantStatus] | None = Field(
        default=None, max_length=MAX_VARIANTS, description="Each variant is told of here.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )  # fmt: skip
    comparison: Comparison | None = Field(
        default=None, description="This is the comparison that goes on, or the latest one."
    )
    report: str | None = Field(
        default=None, max_length=1024, description="The page of the combined report is at this address."
    )
    conditions: list[Condition] | None = Field(
        default=None, max_length=16, description="Each condition tells of one aspect of the experiment's state.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )  # fmt: skip


def fit(status: dict) -> dict:
    """The status made smaller than MAX_BYTES, by leaving out first what is missed least.

    What decisions rest on (phases, runs and their uids, reasons, digests, attempts, times, conditions) is never
    touched. The same status in, the same out; one that fits is returned as it is.
    """
    return saved(status, _SAVINGS)


def _of_variants(change: Callable[[dict], dict]) -> Callable[[dict], dict]:
    return lambda status: {**status, "variants": [change(v) for v in status.get("variants", [])]}


def _shorter(length: int) -> Callable[[dict], dict]:
    return lambda part: {**part, "message": shortened(part["message"], length)} if "message" in part else part


def _short_everywhere(status: dict) -> dict:
    """Every other message cut as well: a combined one tells of all variants."""
    conditions = [_shorter(120)(c) for c in status.get("conditions", [])]
    comparison = status.get("comparison")
    if comparison and "lastFailure" in comparison:
        failure = {
            k: shortened(v, 120) if k in ("message", "hint") else v for k, v in comparison["lastFailure"].items()
        }
        status = {**status, "comparison": {**comparison, "lastFailure": failure}}
    return {**_shorter(240)(status), "conditions": conditions}


_SAVINGS: tuple[Callable[[dict], dict], ...] = (
    _of_variants(lambda v: {k: x for k, x in v.items() if k != "results"}),
    _of_variants(_shorter(80)),
    _short_everywhere,
    _of_variants(_shorter(30)),
    _of_variants(lambda v: {k: x[:16] if k == "adapter" else x for k, x in v.items()}),
    _of_variants(lambda v: {k: x for k, x in v.items() if k not in ("message", "progress")}),
)
