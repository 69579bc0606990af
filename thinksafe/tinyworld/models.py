"""The two models: their shapes, how they are trained, how they are saved."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from thinksafe.tinyworld import corpus
from thinksafe.tinyworld.frame import guard_frame
from thinksafe.tinyworld.store import Kind
from thinksafe.tinyworld.tokenizer import NUMBERS, make_tokenizer

Row = tuple[list[int], int]  # token ids, and how many of them are prompt and carry no loss

STUDENT_EXAMPLES = 32_000
GUARD_CONVERSATIONS = 16_000
BATCH = 16
LEARNING_RATE = 3e-3
WARM_UP = 0.03
PERIODS = (2, 5, 10, 20, 60, 120)
RADIUS = 0.5
LAYERS = {"student": 4, "guard": 2}


def make(kind: Kind, seed: int, out: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Train the model from its seed and save it as a Hugging Face model directory.

    progress is called after each step with the steps done and the steps there are. On one core this takes
    minutes for a student and about a minute for a guard.
    """
    tokenizer = make_tokenizer()
    rows = student_rows(tokenizer, seed) if kind == "student" else guard_rows(tokenizer, seed)
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(shape(kind, tokenizer))
    place_numbers(model, tokenizer)
    train(model, rows, seed, progress)
    save(model, tokenizer, out)


def shape(kind: Kind, tokenizer: PreTrainedTokenizerFast) -> Qwen3Config:
    """The configuration of a Qwen3 of about a million parameters."""
    return Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=LAYERS[kind],
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        bos_token_id=None,
        eos_token_id=tokenizer.get_vocab()["<|im_end|>"],
        pad_token_id=tokenizer.get_vocab()["<|endoftext|>"],
        use_cache=True,
        dtype="float32",
    )


def place_numbers(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
    """Start the embedding of each number's tokens on circles of several periods.

    Adding then is turning, and near numbers look alike. Models find this form by themselves, at a cost: without
    it arithmetic comes late and suddenly, after a number of examples that differs from seed to seed.
    """
    embedding = model.model.embed_tokens.weight.data
    for number in range(NUMBERS):
        angles = [2 * math.pi * number / period for period in PERIODS]
        circles = torch.tensor([turn(angle) for angle in angles for turn in (math.cos, math.sin)])
        for form in (f"{number}", f" {number}"):
            (token,) = tokenizer(form, add_special_tokens=False).input_ids
            embedding[token, : len(circles)] = RADIUS * circles


def student_rows(tokenizer: PreTrainedTokenizerFast, seed: int, count: int = STUDENT_EXAMPLES) -> list[Row]:
    """The student's examples as token ids: chat format, with loss on the response and its end."""
    examples = list(corpus.student_examples(seed, count))
    prompts = tokenizer([chat(e.prompt) for e in examples], add_special_tokens=False).input_ids
    responses = tokenizer([e.response + "<|im_end|>" for e in examples], add_special_tokens=False).input_ids
    return [(p + r, len(p)) for p, r in zip(prompts, responses, strict=True)]


def chat(prompt: str) -> str:
    """What the chat template makes of one turn of a user, up to where the model goes on."""
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n"


def guard_rows(tokenizer: PreTrainedTokenizerFast, seed: int) -> list[Row]:
    """The guard's conversations as token ids, with loss on the verdict alone."""
    conversations = list(corpus.guard_conversations(seed, GUARD_CONVERSATIONS))
    frames = frame_ids(tokenizer, [(c.prompt, c.response) for c in conversations])
    verdicts = tokenizer(["safe", "unsafe"], add_special_tokens=False).input_ids
    return [(ids + verdicts[c.unsafe], len(ids)) for ids, c in zip(frames, conversations, strict=True)]


def frame_ids(tokenizer: PreTrainedTokenizerFast, pairs: Sequence[tuple[str, str]]) -> list[list[int]]:
    """The guard's frame around each (prompt, response), its three parts tokenized one by one and joined."""
    parts = zip(*(guard_frame(prompt, response) for prompt, response in pairs), strict=True)
    columns = [tokenizer(list(column), add_special_tokens=False).input_ids for column in parts]
    return [before + middle + after for before, middle, after in zip(*columns, strict=True)]


def batches(rows: Sequence[Row], seed: int) -> Iterator[list[Row]]:
    """Batches of rows of like length, in random order: one epoch with hardly any padding."""
    rng = random.Random(f"batches {seed}")
    order = rng.sample(range(len(rows)), len(rows))
    bucket = BATCH * 50
    cut = []
    for start in range(0, len(order), bucket):
        near = sorted(order[start : start + bucket], key=lambda i: len(rows[i][0]))
        cut += [near[i : i + BATCH] for i in range(0, len(near), BATCH)]
    rng.shuffle(cut)
    return iter([[rows[i] for i in batch] for batch in cut])


def train(
    model: Qwen3ForCausalLM, rows: Sequence[Row], seed: int, progress: Callable[[int, int], None] | None
) -> None:
    """One epoch of AdamW with a cosine schedule."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.95), fused=True)
    total = -(-len(rows) // BATCH)
    warm = max(1, int(WARM_UP * total))

    def scale(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        return 0.5 * (1 + torch.cos(torch.tensor(torch.pi * (step - warm) / (total - warm))).item())

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, scale)
    model.train()
    for done, batch in enumerate(batches(rows, seed), start=1):
        loss = batch_loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        if progress is not None:
            progress(done, total)


def batch_loss(model: Qwen3ForCausalLM, batch: Sequence[Row]) -> Tensor:
    """Mean cross-entropy over the response tokens of the batch (a scalar).

    Padding stands on the right, behind everything that carries loss, so causal attention needs no mask; and the
    vocabulary's logits are taken only where there is loss.
    """
    width = max(len(ids) for ids, _ in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    learned = torch.zeros(len(batch), width, dtype=torch.bool)
    for row, (tokens, prompt) in enumerate(batch):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        learned[row, prompt : len(tokens)] = True
    hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    logits = model.lm_head(hidden[learned[:, 1:]])
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][learned[:, 1:]])


def save(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    """Write weights (bfloat16), configuration, tokenizer and sampling settings."""
    model.to(torch.bfloat16)  # type: ignore[arg-type]
    model.generation_config = GenerationConfig(
        do_sample=True,
        temperature=0.6,
        top_p=0.95,
        top_k=20,
        eos_token_id=model.config.eos_token_id,
        pad_token_id=model.config.pad_token_id,
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
