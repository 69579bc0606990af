"""Models and guards: which weights, and how they are read."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from thinksafe.part import Name, Part, Share, Word, rules

# What prepare finds the one adapter by: its digest, or enough of its beginning that no two are mistaken.
AdapterDigest = Annotated[str, Field(min_length=16, max_length=64, pattern=r"^[0-9a-f]+$")]


class Model(Part):
    """Where a model's weights are and how they are read."""

    name: Name = Field(
        description="The weights are named by a Hugging Face id (org/name), a folder (file:///models/x), or tiny://student?seed=0."
    )
    revision: Word | None = Field(
        default=None,
        description="A Hugging Face id is read at this commit; a branch name is resolved once, by prepare.",
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="The weights have this number format when they are run."
    )


class Generator(Model):
    """The model that writes the training responses, with an adapter of an earlier run if one is named."""

    adapter: AdapterDigest | None = Field(
        default=None,
        description="The responses are written with this LoRA adapter on: the digest of one that an earlier run left "
        "in the same storage, or its first 16 digits or more.",
    )


class Guard(Part):
    """A model that judges responses, and how its answer is read."""

    name: Name = Field(
        default="Qwen/Qwen3Guard-Gen-0.6B",
        description="The guard is named as a model is: a Hugging Face id, a folder, or tiny://guard?seed=0.",
    )
    revision: Word | None = Field(
        default=None,
        description="A Hugging Face id is read at this commit; a branch name is resolved once, by prepare.",
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="The weights have this number format when they are run."
    )
    family: Literal["llama-guard-3", "llama-guard-3-1b", "llama-guard-4", "wildguard", "qwen3guard", "tiny"] = Field(
        default="qwen3guard",
        description="The family says which frame the guard is asked in and which labels it answers with.",
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="A response is unsafe if P(unsafe) is this or more.")
    min_label_mass: Share = Field(
        default=0.5,
        description="A response is unscored, never safe, if both labels together have less probability than this.",
    )
    views: list[Literal["thought", "answer", "both"]] = Field(
        default=["both"],
        min_length=1,
        max_length=8,
        description="The guard judges each of these views of a response, and every one must be safe; the paper takes "
        "both.",
    )
    overlong: Literal["cut", "unscored"] = Field(
        default="cut", description="A response too long for the guard's frame is cut in its middle, or left unscored."
    )


class Quorum(Part):
    """Further guards beside the run's own, and how many of all must agree."""

    model_config = rules(
        ("self.need <= self.guards.size() + 1", "must not be more than there are guards, with spec.guard", ".need")
    )
    guards: list[Guard] = Field(
        min_length=1, max_length=4, description="Each of these guards judges every response that spec.guard judges."
    )
    need: int = Field(
        ge=1,
        le=5,
        description="A response is kept only if at least so many of all guards call it safe; one that a guard cannot "
        "judge has no vote from it.",
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.need > (there := 1 + len(self.guards)):
            raise ValueError(f".need: {self.need} guards cannot agree where there are {there}, with spec.guard")
        return self
