"""The method itself: steering, sampling, training. [P] is arXiv 2601.23143 v4."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from thinksafe.part import Name, Part, Share, Whole, Word, cel, rules

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


AUTO = "auto"  # for the first try alone: a probe chooses among spec.steering.probe.candidates
FirstTemplate = Annotated[
    Name,
    AfterValidator(lambda text: text if text == AUTO else _template(text)),
    Field(json_schema_extra=cel((
        f"self in {[*NAMED_TEMPLATES, AUTO]} || self.split('{{prompt}}').size() == 2",
        f"must be one of {', '.join((*NAMED_TEMPLATES, AUTO))}, or a text with {{prompt}} in it once",
    ))),
]  # fmt: skip


class Rung(Part):
    """A rung is a further try for the prompts of which nothing was kept."""

    template: Template = Field(
        description="The rung steers with this template: a named one, or a text with {prompt} in it once."
    )
    samples: int = Field(
        default=1, ge=1, le=64, description="So many responses are sampled for each prompt of the rung."
    )


class Probe(Part):
    """With `template: auto` a few prompts are tried with each candidate before anything else is generated.

    A candidate gains by harmful prompts whose response the guard calls safe, and loses by benign prompts that are
    refused when they are steered the same way.
    """

    model_config = rules(
        ("self.candidates.all(c, self.candidates.exists_one(other, other == c))", "stands there twice", ".candidates")
    )
    prompts: int = Field(
        default=100, ge=1, le=512, description="At most so many harmful and so many benign prompts are tried."
    )
    candidates: list[Template] = Field(
        default=["prefix", "suffix", "risk", "intent"],
        min_length=2,
        max_length=8,
        description="These templates are tried: named ones, or texts with {prompt} in them once; of equally good ones "
        "the first is taken.",
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for i, template in enumerate(self.candidates):
            if template in self.candidates[:i]:
                raise ValueError(f".candidates[{i}]: stands there twice")
        return self


class Steering(Part):
    """How the frozen model is told to refuse in front of a harmful prompt."""

    template: FirstTemplate = Field(
        default="prefix",
        description="The first try steers with this template: prefix, suffix, risk or intent (Table 5 of the paper), "
        "none, or a text with {prompt} in it once; with auto, the probe chooses.",
    )
    probe: Probe = Field(
        default=Probe(), description="These settings say how a template is chosen, for template auto alone."
    )
    ladder: list[Rung] = Field(
        default=[],
        max_length=8,
        description="Each rung is a further try for the prompts of which nothing was kept so far.",
    )


class Generation(Part):
    """Sampling of the training responses. Defaults: [P B.1]."""

    engine: Literal["vllm", "transformers"] = Field(
        default="vllm", description="This engine runs the model and the guards."
    )
    temperature: float = Field(
        default=0.6, ge=0, le=5, description="Tokens are sampled at this temperature; 0 is greedy."
    )
    top_p: float = Field(
        default=0.95,
        gt=0,
        le=1,
        description="Tokens are sampled among the likeliest that together have this probability.",
    )
    top_k: Whole = Field(
        default=20,
        ge=0,
        description="Tokens are sampled among the k likeliest; 0 switches this off, as the paper does for R1-Distill.",
    )
    max_tokens: Whole = Field(
        default=16_384, ge=1, description="A response is cut off after so many tokens, and then not kept."
    )
    samples: int = Field(default=1, ge=1, le=64, description="So many responses are sampled for each prompt.")
    keep: Literal["any", "all"] = Field(
        default="any",
        description="With any, the first safe sample of a prompt is kept; with all, it is kept only if every sample "
        "is safe.",
    )
    chunk_rows: int = Field(
        default=512,
        ge=1,
        le=512,
        description="A chunk holds so many prompts, and is what a crash costs a worker at most.",
    )


class Training(Part):
    """LoRA on (unsteered prompt, kept response). Defaults: [P 5.1]."""

    preset: Literal["paper"] = Field(
        default="paper", description="The fields that are unset take the values of this preset."
    )
    rank: int = Field(default=32, ge=1, le=512, description="The two matrices of LoRA have this rank.")
    alpha: float = Field(default=16, gt=0, description="The update of LoRA is scaled by alpha divided by rank.")
    dropout: float = Field(
        default=0.05, ge=0, lt=1, description="This share of LoRA's inputs is dropped at each step."
    )
    targets: list[Word] = Field(
        default=["q_proj", "v_proj"],
        min_length=1,
        max_length=64,
        description="These linear layers get LoRA; [all-linear] stands for all of them.",
    )
    learning_rate: float = Field(
        default=1e-5, gt=0, description="The learning rate of AdamW rises to this peak and then falls as a cosine."
    )
    warmup: Share = Field(default=0.1, description="The learning rate rises during this share of the steps.")
    batch_size: Whole = Field(default=8, ge=1, description="A step takes so many rows, over all processes together.")
    tokens_per_pack: Whole = Field(
        default=16_384,
        ge=16,
        description="A forward pass takes at most so many tokens; more is faster, until memory is full.",
    )
    epochs: float = Field(default=3, gt=0, description="The training goes over the data so many times.")
    max_steps: Whole | None = Field(
        default=None, ge=1, description="The training takes exactly so many steps, whatever epochs says."
    )
    max_length: Whole = Field(
        default=16_384, ge=2, description="Rows of more tokens than this are dropped and counted."
    )
    clip: float = Field(default=1.0, gt=0, description="The gradient is scaled down if its norm is larger than this.")
    weight_decay: float = Field(default=0.0, ge=0, description="AdamW decays the weights of LoRA by this much.")
    refusal_thoughts: Literal["keep", "drop"] = Field(
        default="keep",
        description="With drop, the thought of every harmful row is emptied before training, to see what refusals "
        "without reasoning do; the method itself keeps it.",
    )
    kl_weight: float = Field(
        default=0.0,
        ge=0,
        description="The forward KL divergence from the base model on benign rows has this weight in the loss.",
    )
    checkpoint_every: Whole = Field(
        default=100, ge=1, description="A checkpoint is written after every so many steps."
    )
    gradient_checkpointing: bool = Field(
        default=False,
        description="If true, activations are computed a second time instead of kept, which saves memory and costs "
        "time.",
    )
