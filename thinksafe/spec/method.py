"""The method itself: steering, sampling, training. [P] is arXiv 2601.23143 v4."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from thinksafe.part import Name, Part, Share, Whole, Word, cel

NAMED_TEMPLATES = ("prefix", "suffix", "risk", "intent", "none")


def _template(text: str) -> str:
    if text not in NAMED_TEMPLATES and text.count("{prompt}") != 1:
        raise ValueError(f"is neither one of {', '.join(NAMED_TEMPLATES)} nor a text with {{prompt}} in it once")
    return text


Template = Annotated[
    Name,
    AfterValidator(_template),
    Field(json_schema_extra=cel((
        f"self in {list(NAMED_TEMPLATES)} || self.split('{{prompt}}').size() == 2",
        f"must be one of {', '.join(NAMED_TEMPLATES)}, or a text with {{prompt}} in it once",
    ))),
]  # fmt: skip


class Rung(Part):
    """A further try for the rows of which nothing was kept."""

    template: Template = Field(description="A named template, or a text with {prompt} in it.")
    samples: int = Field(default=1, ge=1, le=64, description="Responses a prompt.")


class Steering(Part):
    """How the frozen model is told to refuse in front of a harmful prompt."""

    template: Template = Field(
        default="prefix", description="prefix, suffix, risk or intent (Table 5 of the paper), none, or a text "
        "with {prompt} in it."
    )
    ladder: list[Rung] = Field(default=[], max_length=8, description="Tries for the rows that yielded nothing.")


class Generation(Part):
    """Sampling of the training responses. Defaults: [P B.1]."""

    engine: Literal["vllm", "transformers"] = Field(default="vllm", description="What runs the model and the guards.")
    temperature: float = Field(default=0.6, ge=0, le=5, description="Sampling temperature; 0 is greedy.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Nucleus sampling mass.")
    top_k: Whole = Field(default=20, ge=0, description="Sample among the k likeliest; 0 is off (R1-Distill: 0).")
    max_tokens: Whole = Field(default=16_384, ge=1, description="Longest response in tokens.")
    samples: int = Field(default=1, ge=1, le=64, description="Responses a prompt.")
    keep: Literal["any", "all"] = Field(
        default="any", description="any: the first kept sample of a prompt; all: only if every sample is safe."
    )
    chunk_rows: int = Field(
        default=512, ge=1, le=512, description="Prompts a chunk: what a crash costs at most, for each worker."
    )


class Training(Part):
    """LoRA on (unsteered prompt, kept response). Defaults: [P 5.1]."""

    preset: Literal["paper"] = Field(default="paper", description="Whose values the unset fields take.")
    rank: int = Field(default=32, ge=1, le=512, description="LoRA rank.")
    alpha: float = Field(default=16, gt=0, description="LoRA alpha; the update is scaled by alpha / rank.")
    dropout: float = Field(default=0.05, ge=0, lt=1, description="LoRA dropout.")
    targets: list[Word] = Field(
        default=["q_proj", "v_proj"], min_length=1, max_length=64,
        description="Linear layers that get LoRA, or [all-linear].",
    )
    learning_rate: float = Field(default=1e-5, gt=0, description="Peak learning rate of AdamW.")
    warmup: Share = Field(default=0.1, description="Share of the steps with rising learning rate; then cosine.")
    batch_size: Whole = Field(default=8, ge=1, description="Rows a step, over all processes.")
    tokens_per_pack: Whole = Field(
        default=16_384, ge=16, description="Tokens a forward pass: more is faster, until memory is full."
    )
    epochs: float = Field(default=3, gt=0, description="Passes over the data.")
    max_steps: Whole | None = Field(default=None, ge=1, description="Exactly so many steps, instead of epochs.")
    max_length: Whole = Field(default=16_384, ge=2, description="Longer rows are dropped and counted.")
    clip: float = Field(default=1.0, gt=0, description="Largest norm of the gradient.")
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW's weight decay.")
    kl_weight: float = Field(default=0.0, ge=0, description="Weight of forward KL to the base on benign rows.")
    checkpoint_every: Whole = Field(default=100, ge=1, description="Steps between checkpoints.")
    gradient_checkpointing: bool = Field(default=False, description="Recompute activations to save memory.")
