"""How many GPUs, which and how long: estimates from published numbers, none of them measured with this code. Pure.

    python -m thinksafe.sizing [price of a GPU-hour]     # the tables of docs/gpus.md

[P] is arXiv 2601.23143 v4. What is neither published nor follows from what is, is named an assumption.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

BYTES = 2  # bfloat16: weights, KV cache, activations
MEMORY_USED = 0.92  # vLLM 0.32's own default share of a GPU's memory
LONGEST, PACK = 16_384, 16_384  # the defaults of generation.maxTokens and training.tokensPerPack
EPOCHS, RANK = 3, 32  # [P 5.1]

# Prompts of SafeChain [P Table 3, Figures 9 and 10], with the mean length of a response over the paper's seven models.
HARMFUL, BENIGN = (17_888, 595), (22_112, 1_386)
PROMPT = 170  # tokens of a prompt: an assumption
FRAME = 300  # tokens of a guard's frame around prompt and response: an assumption, for Llama Guard 3
# Answers a model (rows, tokens each): GSM8K, MATH500 and GPQA-diamond and AIME24 eight times, the safety sets once
# [P 5.1]. The lengths are assumptions.
ANSWERS = ((10_552, 1_300), (4_000, 4_500), (1_584, 8_000), (240, 14_000), (3_165, 1_300))

# Assumptions: what part of its ceiling a GPU reaches. Decoding: the paper's 0.45 h for 0.6B on two H100 [P Figure 3]
# are 23 to 39 % of it. The paper's training reached 2 to 3 % with one row at a time and full logits.
DECODING, PREFILL, TRAINING = 0.3, 0.4, 0.2


@dataclass(frozen=True)
class Shape:
    """A model as its config.json on the hub says. `parameters` in total, `mlp` is intermediate_size."""

    name: str
    parameters: float
    layers: int
    hidden: int
    mlp: int
    heads: int
    kv_heads: int
    head: int = 128


@dataclass(frozen=True)
class Card:
    """A GPU as its maker's data sheet says: bytes, bytes a second, bfloat16 operations a second without sparsity.

    `rows`: how many vLLM has in flight at most on it, by its own default.
    """

    name: str
    memory: float
    bandwidth: float
    operations: float
    rows: int


SHAPES = (
    Shape("Qwen3-0.6B", 0.60e9, 28, 1024, 3072, 16, 8),
    Shape("Qwen3-1.7B", 1.72e9, 28, 2048, 6144, 16, 8),
    Shape("Qwen3-4B", 4.02e9, 36, 2560, 9728, 32, 8),
    Shape("Qwen3-8B", 8.19e9, 36, 4096, 12288, 32, 8),
    Shape("Qwen3-14B", 14.8e9, 40, 5120, 17408, 40, 8),
    Shape("Qwen3-32B", 32.8e9, 64, 5120, 25600, 64, 8),
    Shape("R1-Distill-Qwen-1.5B", 1.78e9, 28, 1536, 8960, 12, 2),
    Shape("R1-Distill-Qwen-7B", 7.62e9, 28, 3584, 18944, 28, 4),
    Shape("R1-Distill-Llama-8B", 8.03e9, 32, 4096, 14336, 32, 8),
)
GUARD = 8.03e9  # Llama-Guard-3-8B, the paper's guard
CARDS = (
    Card("H100 80 GB SXM", 80e9, 3.35e12, 989e12, 1024),
    Card("H200 141 GB SXM", 141e9, 4.80e12, 989e12, 1024),
    Card("A100 80 GB SXM", 80e9, 2.04e12, 312e12, 256),
    Card("L40S 48 GB", 48e9, 0.864e12, 362e12, 256),
)


def weights(shape: Shape) -> float:
    """Bytes of the weights."""
    return shape.parameters * BYTES


def kv(shape: Shape) -> int:
    """Bytes of KV cache that one token takes: a key and a value in every layer."""
    return 2 * shape.layers * shape.kv_heads * shape.head * BYTES


def live(rows: tuple[tuple[int, int], ...]) -> float:
    """Tokens that a row in flight has in the cache, at the middle of its way, weighted by how long it is there."""
    tokens = sum(n * length for n, length in rows)
    return sum(n * length * (PROMPT + length / 2) for n, length in rows) / tokens


def in_flight(shape: Shape, card: Card, context: float) -> float:
    """Rows in flight: what the memory beside the weights holds, at most vLLM's limit."""
    return min(card.rows, max(0.0, MEMORY_USED * card.memory - weights(shape)) / (context * kv(shape)))


def decoding(shape: Shape, card: Card, context: float) -> float:
    """Tokens a second at the ceiling: each step reads the weights once and the cache of every row in flight, or, if
    that takes longer, computes two operations a parameter for each row.
    """
    rows = in_flight(shape, card, context)
    by_memory = rows * card.bandwidth / (weights(shape) + rows * context * kv(shape))
    return min(by_memory, card.operations / (2 * shape.parameters))


def activations(shape: Shape) -> float:
    """Bytes a token that one layer keeps for its backward pass: norms and residuals (8 x hidden), q, k and v before
    and after norm and rotation (3 x), the attention's output, and gate, up, activation and product of the MLP (4 x).
    """
    q, k = shape.heads * shape.head, shape.kv_heads * shape.head
    return BYTES * (8 * shape.hidden + 3 * (q + 2 * k) + q + 4 * shape.mlp)


def training(shape: Shape, *, checkpointing: bool) -> float:
    """Bytes of the training: weights, LoRA on q and v with gradient and moments, activations, logits."""
    q, k = shape.heads * shape.head, shape.kv_heads * shape.head
    lora = 16 * shape.layers * RANK * (2 * shape.hidden + q + k)
    kept = shape.layers * activations(shape)
    if checkpointing:
        kept = shape.layers * shape.hidden * BYTES + activations(shape)
    return weights(shape) + lora + PACK * kept + 1e9


def must_checkpoint(shape: Shape, card: Card) -> bool:
    """Whether training needs gradientCheckpointing, with tokensPerPack as it is by default."""
    return training(shape, checkpointing=False) > MEMORY_USED * card.memory


@dataclass(frozen=True)
class Hours:
    """GPU-hours of a run of the paper's size, by stage."""

    generate: float
    filter: float
    train: float
    evaluate: float

    @property
    def total(self) -> float:
        return self.generate + self.filter + self.train + self.evaluate


def hours(shape: Shape, card: Card) -> Hours | None:
    """GPU-hours of 40,000 prompts and the paper's benchmarks; None if a stage has no room by default."""
    room = MEMORY_USED * card.memory
    if in_flight(shape, card, PROMPT + LONGEST) < 1 or training(shape, checkpointing=True) > room:
        return None
    prompts, responses = (HARMFUL, BENIGN), sum(n * length for n, length in (HARMFUL, BENIGN))
    rows = HARMFUL[0] + BENIGN[0]
    read = responses + rows * (PROMPT + FRAME)
    each = 6 if must_checkpoint(shape, card) else 4  # forward 2, gradient of the inputs 2, forward again 2
    trained = EPOCHS * (responses + rows * PROMPT)
    answered = 2 * sum(n * length for n, length in ANSWERS)  # the base model and the adapter
    seconds = (
        responses / (DECODING * decoding(shape, card, live(prompts))),
        read * 2 * GUARD / (PREFILL * card.operations),
        trained * each * shape.parameters / (TRAINING * card.operations),
        answered / (DECODING * decoding(shape, card, live(ANSWERS))),
    )
    return Hours(*(s / 3600 for s in seconds))


def memory_table(card: Card) -> Iterator[str]:
    """What each model needs, and how it fits the card."""
    yield "| model | weights | KV a token | longest row | rows in flight | training | with `gradientCheckpointing` |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for shape in SHAPES:
        longest = (PROMPT + LONGEST) * kv(shape)
        flying = in_flight(shape, card, live((HARMFUL, BENIGN)))
        plain, saving = (training(shape, checkpointing=c) for c in (False, True))
        yield (
            f"| {shape.name} | {_gb(weights(shape))} | {kv(shape) // 1024} KiB | {_gb(longest)} | {flying:.0f} | "
            f"{_gb(plain)} | {_gb(saving)} |"
        )


def hours_table(card: Card, price: float) -> Iterator[str]:
    """How long and at what price, by model."""
    yield "| model | generate | filter | train | evaluate | GPU-hours | cost |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for shape in SHAPES:
        needed = hours(shape, card)
        cells = f"{_stages(needed)} | {needed.total * price:.0f}" if needed else f"{_NO_ROOM} |"
        yield f"| {shape.name} | {cells} |"


def cards_table(shape: Shape) -> Iterator[str]:
    """The same run on other GPUs."""
    yield "| GPU | generate | filter | train | evaluate | GPU-hours |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for card in CARDS:
        needed = hours(shape, card)
        yield f"| {card.name} | {_stages(needed) if needed else _NO_ROOM} |"


_NO_ROOM = "does not fit | | | |"


def _stages(needed: Hours) -> str:
    parts = (needed.generate, needed.filter, needed.train, needed.evaluate)
    return " | ".join(f"{part:.1f}" for part in parts) + f" | **{needed.total:.0f}**"


def _gb(amount: float) -> str:
    return f"{amount / 1e9:.1f} GB" if amount < 10e9 else f"{amount / 1e9:.0f} GB"


def main() -> None:
    """Print all three tables."""
    price = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    eight = next(shape for shape in SHAPES if shape.name == "Qwen3-8B")
    for table in (memory_table(CARDS[0]), hours_table(CARDS[0], price), cards_table(eight)):
        print("\n".join(table), end="\n\n")


if __name__ == "__main__":
    main()
