"""ThinkSafeExperiment's spec: one run, and named variants of it that are compared with one of them."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from thinksafe.part import Part, Share, Whole, given, rules
from thinksafe.pod_parts import Anything
from thinksafe.spec import Metadata, RunSpec

EXPERIMENT_KIND = "ThinkSafeExperiment"
MAX_VARIANTS = 32
# A run is named <experiment>-<variant>, and its name has at most 40 characters.
MAX_RUN_NAME = 40

VariantName = Annotated[str, Field(min_length=1, max_length=24, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]


class Variant(Part):
    """A variant is the experiment's run with a few settings changed."""

    name: VariantName = Field(description="The variant has this name, and its run that of the experiment before it.")
    patch: Anything = Field(
        default={},
        description="These fields of spec.run are other ones in this variant: a map is merged into the one that is "
        "there, and anything else takes its place.",
    )
    generator_from: VariantName | None = Field(
        default=None,
        description="The student writes this variant's data with the adapter of that earlier variant, as the next "
        "round of an iteration; the variant waits for it.",
    )


class StopRule(Part):
    """The stop rule says when a further round is not worth its cost, by paired 95% intervals."""

    min_gain: Share = Field(
        default=0.0,
        description="The rounds stop if the harmful rate did not fall by more than this in the last one: the whole "
        "interval of its fall must lie above.",
    )
    max_accuracy_drop: Share = Field(
        default=0.03,
        description="The rounds stop if the accuracy fell by more than this in the last one, and its interval lies "
        "below zero.",
    )


class ExperimentSpec(Part):
    """The spec says what is compared; only suspend, parallelism and the time to live may change."""

    model_config = rules(
        ("self.variants.all(v, self.variants.exists_one(w, w.name == v.name))", "have two of one name", ".variants"),
        (f"!{given('baseline')} || self.variants.exists(v, v.name == self.baseline)",
         "must be the name of one of spec.variants", ".baseline"),
        # By the variants themselves: of their names' list the API server would not know how long it can be.
        (f"self.variants.all(v, !{given('generatorFrom', 'v')} || self.variants.exists(w, "
         "w.name == v.generatorFrom && self.variants.indexOf(w) < self.variants.indexOf(v)))",
         "generatorFrom must be the name of an earlier one of spec.variants", ".variants"),
    )  # fmt: skip
    run: RunSpec = Field(description="This is the run that every variant changes a little.")
    variants: list[Variant] = Field(
        min_length=1, max_length=MAX_VARIANTS,
        description="Each variant is one run; what they have in common is computed once.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )  # fmt: skip
    baseline: VariantName | None = Field(
        default=None, description="Every variant is compared with the one of this name; if unset, with the first."
    )
    parallelism: int = Field(
        default=1, ge=1, le=MAX_VARIANTS, description="At most so many runs of the experiment go on at a time."
    )
    failure_policy: Literal["Continue", "FailFast"] = Field(
        default="Continue",
        description="With Continue, the other variants go on when one fails; with FailFast, none is started after "
        "that.",
    )
    stop: StopRule | None = Field(
        default=None,
        description="The rule is asked before each variant that has generatorFrom, about the variant named there; if "
        "unset, no round is left out.",
    )
    suspend: bool = Field(
        default=False, description="If true, no run is started and those that go on are suspended until it is false."
    )
    ttl_seconds_after_finished: Whole | None = Field(
        default=None,
        ge=0,
        description="The ThinkSafeExperiment and its runs are deleted so long after its end; artifacts and reports "
        "stay in the store.",
    )

    @model_validator(mode="after")
    def _variants_fit(self) -> Self:
        names = [v.name for v in self.variants]
        for i, variant in enumerate(self.variants):
            if variant.name in names[:i]:
                raise ValueError(f".variants[{i}].name: {variant.name} stands there twice")
            if variant.generator_from is not None and variant.generator_from not in names[:i]:
                raise ValueError(
                    f".variants[{i}].generatorFrom: {variant.generator_from} is not the name of an earlier variant"
                )
        if self.baseline is not None and self.baseline not in names:
            raise ValueError(f".baseline: {self.baseline} is not one of spec.variants")
        return self

    @property
    def compared_with(self) -> str:
        """The name of the variant that the others are compared with."""
        return self.baseline or self.variants[0].name


class ExperimentManifest(BaseModel):
    """A whole ThinkSafeExperiment manifest."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)
    api_version: Literal["thinksafe.dev/v1alpha1"]
    kind: Literal["ThinkSafeExperiment"]
    metadata: Metadata
    spec: ExperimentSpec
    status: dict[str, object] | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        for i, variant in enumerate(self.spec.variants):
            if len(name := f"{self.metadata.name}-{variant.name}") > MAX_RUN_NAME:
                raise ValueError(
                    f"spec.variants[{i}].name: the run's name would be {name}, longer than {MAX_RUN_NAME} characters"
                )
        return self
