"""Models and guards: which weights, and how they are read."""

from typing import Literal

from pydantic import Field

from thinksafe.part import Name, Part, Share, Word


class Model(Part):
    """Where a model's weights are and how they are read."""

    name: Name = Field(
        description="A Hugging Face id (org/name), a folder (file:///models/x), or tiny://student?seed=0."
    )
    revision: Word | None = Field(
        default=None, description="The commit of a Hugging Face id. A branch name is resolved once, by prepare."
    )
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(
        default="auto", description="The number format of the weights when they are run."
    )


class Guard(Part):
    """A model that judges responses, and how its answer is read."""

    name: Name = Field(default="Qwen/Qwen3Guard-Gen-0.6B", description="The guard, named as a model is.")
    revision: Word | None = Field(default=None, description="The commit of a Hugging Face id.")
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = Field(default="auto", description="Number format.")
    family: Literal["llama-guard-3", "llama-guard-3-1b", "llama-guard-4", "wildguard", "qwen3guard", "tiny"] = Field(
        default="qwen3guard", description="Which frame and which labels the guard reads."
    )
    threshold: float = Field(default=0.5, gt=0, lt=1, description="Unsafe from this P(unsafe) on.")
    min_label_mass: Share = Field(
        default=0.5, description="Below this probability of both labels together a row is unscored, never safe."
    )
    views: list[Literal["thought", "answer", "both"]] = Field(
        default=["both"], min_length=1, max_length=8, description="What is judged; every view must be safe. [P]: both."
    )
    overlong: Literal["cut", "unscored"] = Field(
        default="cut", description="A response too long for the frame: cut in its middle, or left unscored."
    )
