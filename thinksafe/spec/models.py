"""Models and guards: which weights, and how they are read."""

from typing import Literal

from pydantic import Field

from thinksafe.part import Name, Part, Share, Word


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
