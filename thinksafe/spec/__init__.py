"""ThinkSafeRun's spec: the one source of the CRD, of the reference in docs/, and of every check.

Nothing here imports torch. Field names are camelCase in a manifest and snake_case in Python.
Where a default is a number of the paper, the comment or description says so: [P] is arXiv 2601.23143 v4.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from thinksafe import addresses
from thinksafe.part import LabelValue, Name, ObjectName, Part, Whole, Word, given, rules
from thinksafe.pods import ModelCache, PodSettings, Stage, Stages
from thinksafe.spec.method import AUTO, NAMED_TEMPLATES, Generation, Probe, Rung, Steering, Training
from thinksafe.spec.models import Generator, Guard, Model, Quorum
from thinksafe.spec.prompts import Columns, Dedup, Format, Limit, PromptSource
from thinksafe.spec.verdict import Evaluation, Gate, GateRule

__all__ = [
    "API_VERSION", "AUTO", "KIND", "NAMED_TEMPLATES", "Columns", "Dedup", "Evaluation", "Format", "Gate", "GateRule",
    "Generation", "Generator", "Guard", "Limit", "Manifest", "Metadata", "Model", "ModelCache", "Part", "PodSettings",
    "Probe", "PromptSource", "Quorum", "RunSpec", "Rung", "Stage", "Stages", "Steering", "Storage", "Training",
]  # fmt: skip

API_VERSION = "thinksafe.dev/v1alpha1"
KIND = "ThinkSafeRun"
STORE_URI = r"^(s3://[^/\s]+(/\S*)?|file://(localhost)?/+[^/\s]\S*)$"
ENDPOINT = r"^https?://[^/\s]+\S*$"


class Storage(Part):
    """Where data sets, adapters and reports are kept."""

    model_config = rules(
        (f"self.uri.matches(r'{STORE_URI}')", "must be s3://bucket/prefix or file:///folder", ".uri"),
        (f"!{given('endpoint')} || self.endpoint.matches(r'{ENDPOINT}')", "must be an http:// or https:// URL",
         ".endpoint"),
        (f"!{given('endpoint')} || ({addresses.rule('self.endpoint')})", addresses.MESSAGE, ".endpoint"),
    )  # fmt: skip
    uri: Name = Field(description="The place is s3://bucket/prefix for an S3 bucket, or file:///folder for a folder.")
    endpoint: Word | None = Field(
        default=None, description="The URL of the S3 server must be given if it is not Amazon's."
    )
    region: Word | None = Field(
        default=None, description="The region of the bucket is needed where the server asks for one."
    )
    credentials_secret: ObjectName | None = Field(
        default=None,
        description="The Secret of this name, in the run's namespace, holds AWS_ACCESS_KEY_ID and "
        "AWS_SECRET_ACCESS_KEY; if unset, workers use what their service account gives them.",
    )


class RunSpec(Part):
    """The spec says what a run is to do; only suspend and the deadlines may change: other inputs are another run."""

    model_config = rules(
        (f"self.gate.rules.all(r, !{given('benchmark', 'r')} || r.benchmark in self.evaluation.benchmarks)",
         "every benchmark of a rule must be one of spec.evaluation.benchmarks", ".gate.rules")
    )  # fmt: skip
    model: Model = Field(description="This is the student: the reasoning model that is to be aligned.")
    generator: Generator | None = Field(
        default=None,
        description="Another model, or the student with an adapter of an earlier run, may write the responses; if "
        "unset, the student writes them itself.",
    )
    prompts: list[PromptSource] = Field(
        min_length=1, max_length=32, description="Every source that is listed here gives prompts to the run."
    )
    dedup: Dedup = Field(
        default=Dedup(), description="These settings say which prompts are removed before anything is generated."
    )
    steering: Steering = Field(
        default=Steering(), description="These settings say how refusals are drawn out of the frozen model."
    )
    generation: Generation = Field(
        default=Generation(), description="These settings say how the training responses are sampled."
    )
    guard: Guard = Field(
        default=Guard(), description="The guard is the model that judges which responses are safe to train on."
    )
    quorum: Quorum | None = Field(
        default=None,
        description="Further guards may judge the training responses, too; if unset, the guard judges them alone.",
    )
    training: Training = Field(default=Training(), description="These settings say how the LoRA adapter is trained.")
    evaluation: Evaluation = Field(
        default=Evaluation(), description="These settings say what is measured on the base model and on the adapter."
    )
    gate: Gate = Field(default=Gate(), description="The gate says what must hold before the adapter is published.")
    storage: Storage | None = Field(
        default=None,
        description="Data sets, adapters and reports are kept here; if unset, the operator's own storage is taken.",
    )
    workers: PodSettings = Field(
        default=PodSettings(),
        description="These settings hold for every stage on a cluster; what a stage sets itself wins.",
    )
    stages: Stages = Field(
        default=Stages(), description="These settings hold for one stage on a cluster, and win over those of workers."
    )
    model_cache: ModelCache | None = Field(
        default=None, description="Models are kept here between pods; if unset, every pod fetches them anew."
    )
    seed: int = Field(
        default=42, ge=0, le=2**31 - 1, description="Every other seed of the run is derived from this one."
    )
    queue_name: LabelValue | None = Field(
        default=None, description="Every Job of the run waits in the Kueue LocalQueue of this name."
    )
    suspend: bool = Field(
        default=False, description="If true, the run stops until it is false again; what is committed stays."
    )
    active_deadline_seconds: Whole | None = Field(
        default=None,
        ge=1,
        description="The run fails when it has gone on for so long, not counting the time it was suspended.",
    )
    ttl_seconds_after_finished: Whole | None = Field(
        default=None,
        ge=0,
        description="The ThinkSafeRun is deleted so long after its end; its artifacts stay in the store.",
    )

    # Not in Storage itself: the command line makes one from --store, and says in its own words what is wrong with it.
    @model_validator(mode="after")
    def _storage(self) -> Self:
        if self.storage is None:
            return self
        if not re.fullmatch(STORE_URI, self.storage.uri, re.ASCII):
            raise ValueError(".storage.uri: must be s3://bucket/prefix or file:///folder")
        if self.storage.endpoint is not None and not re.fullmatch(ENDPOINT, self.storage.endpoint, re.ASCII):
            raise ValueError(".storage.endpoint: must be an http:// or https:// URL")
        if self.storage.endpoint is not None and addresses.is_forbidden_url(self.storage.endpoint):
            raise ValueError(f".storage.endpoint: {addresses.MESSAGE}")
        return self

    @model_validator(mode="after")
    def _rules_can_be_met(self) -> Self:
        for i, rule in enumerate(self.gate.rules):
            if rule.benchmark is not None and rule.benchmark not in self.evaluation.benchmarks:
                raise ValueError(
                    f".gate.rules[{i}].benchmark: {rule.benchmark} is not one of spec.evaluation.benchmarks: "
                    "the rule could never be met"
                )
        return self


class Metadata(BaseModel):
    """The part of Kubernetes' metadata that a run on one machine reads."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    namespace: str = Field(default="default", max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")


class Manifest(BaseModel):
    """A whole ThinkSafeRun manifest."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)
    api_version: Literal["thinksafe.dev/v1alpha1"]
    kind: Literal["ThinkSafeRun"]
    metadata: Metadata
    spec: RunSpec
    status: dict[str, object] | None = None
