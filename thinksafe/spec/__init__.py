"""ThinkSafeRun's spec: the one source of the CRD, of the reference in docs/, and of every check.

Nothing here imports torch. Field names are camelCase in a manifest and snake_case in Python.
Where a default is a number of the paper, the comment or description says so: [P] is arXiv 2601.23143 v4.
"""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from thinksafe.part import LabelValue, Name, ObjectName, Part, Whole, Word, given, rules
from thinksafe.pods import ModelCache, PodSettings, Stage, Stages
from thinksafe.spec.method import NAMED_TEMPLATES, Generation, Rung, Steering, Training
from thinksafe.spec.models import Guard, Model
from thinksafe.spec.prompts import Columns, Dedup, Format, Limit, PromptSource
from thinksafe.spec.verdict import Evaluation, Gate, GateRule

__all__ = [
    "API_VERSION", "KIND", "NAMED_TEMPLATES", "Columns", "Dedup", "Evaluation", "Format", "Gate", "GateRule",
    "Generation", "Guard", "Limit", "Manifest", "Metadata", "Model", "ModelCache", "Part", "PodSettings",
    "PromptSource", "RunSpec", "Rung", "Stage", "Stages", "Steering", "Storage", "Training",
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
    )  # fmt: skip
    uri: Name = Field(description="s3://bucket/prefix, or file:///folder.")
    endpoint: Word | None = Field(default=None, description="The URL of an S3 server that is not Amazon's.")
    region: Word | None = Field(default=None, description="The bucket's region.")
    credentials_secret: ObjectName | None = Field(
        default=None, description="A Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, in the run's namespace."
    )


class RunSpec(Part):
    """What a ThinkSafeRun is to do. Only suspend and the deadlines may change later: other inputs are another run."""

    model_config = rules(
        (f"self.gate.rules.all(r, !{given('benchmark', 'r')} || r.benchmark in self.evaluation.benchmarks)",
         "every benchmark of a rule must be one of spec.evaluation.benchmarks", ".gate.rules")
    )  # fmt: skip
    model: Model = Field(description="The reasoning model to align: the student.")
    generator: Model | None = Field(
        default=None, description="Another model that writes the responses; the student itself if unset."
    )
    prompts: list[PromptSource] = Field(min_length=1, max_length=32, description="Where prompts come from.")
    dedup: Dedup = Field(default=Dedup(), description="Which prompts are removed before anything is generated.")
    steering: Steering = Field(default=Steering(), description="How refusals are drawn out of the model.")
    generation: Generation = Field(default=Generation(), description="How responses are sampled.")
    guard: Guard = Field(default=Guard(), description="Who judges the responses.")
    training: Training = Field(default=Training(), description="How the adapter is trained.")
    evaluation: Evaluation = Field(default=Evaluation(), description="What is measured.")
    gate: Gate = Field(default=Gate(), description="What must hold before the adapter is published.")
    storage: Storage | None = Field(default=None, description="Where everything is kept.")
    workers: PodSettings = Field(
        default=PodSettings(), description="How every stage runs on a cluster; what a stage sets itself wins."
    )
    stages: Stages = Field(default=Stages(), description="How the stages run on a cluster, each by itself.")
    model_cache: ModelCache | None = Field(
        default=None, description="Where models are kept between pods; each pod fetches them anew if unset."
    )
    seed: int = Field(default=42, ge=0, le=2**31 - 1, description="The seed from which every other one is derived.")
    queue_name: LabelValue | None = Field(default=None, description="The Kueue LocalQueue that every Job waits in.")
    suspend: bool = Field(
        default=False, description="Stops the run until it is false again; what is committed stays."
    )
    active_deadline_seconds: Whole | None = Field(
        default=None, ge=1, description="The run fails when it has run so long, not counting time suspended."
    )
    ttl_seconds_after_finished: Whole | None = Field(
        default=None, ge=0, description="The ThinkSafeRun is deleted so long after its end; artifacts stay."
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
