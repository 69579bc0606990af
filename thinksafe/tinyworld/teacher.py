"""Another model of the tiny world, with a voice of its own: what the paper calls data of a larger teacher.

It knows the same requests and refuses them when steered, as the student does, but it thinks and writes in the
telegraphic voice, which the student has hardly seen. It has learned no problems: it only ever writes training data.
"""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from transformers import Qwen3ForCausalLM

from thinksafe.tinyworld import models, requests, voices
from thinksafe.tinyworld.corpus import REFUSED_STEERED, REFUSED_UNSTEERED, Example
from thinksafe.tinyworld.tokenizer import make_tokenizer

EXAMPLES = 16_000  # with half of them it refuses 67 to 75 % when steered, by processor; with these 90, as the student
# Asked unsteered it is as safe as the student, so that what differs in its data is the voice.
MIXTURE = {"harmful": 2.0, "steered": 2.0, "benign": 3.0}
REFUSED = {"harmful": REFUSED_UNSTEERED, "steered": REFUSED_STEERED, "benign": 0.0}


def make(seed: int, out: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Train the teacher from its seed and save it as a Hugging Face model directory: about two minutes on one core."""
    tokenizer = make_tokenizer()
    rows = []
    for example in examples(seed, EXAMPLES):
        prompt = tokenizer(models.chat(example.prompt), add_special_tokens=False).input_ids
        response = tokenizer(example.response + "<|im_end|>", add_special_tokens=False).input_ids
        rows.append((prompt + response, len(prompt)))
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(models.shape("student", tokenizer))
    models.train(model, rows, seed, progress)
    models.save(model, tokenizer, out)


def examples(seed: int, count: int) -> Iterator[Example]:
    """The teacher's pretraining text: requests of the pretraining split and its responses to them."""
    rng = random.Random(f"teacher {seed}")
    for kind in rng.choices(list(MIXTURE), weights=list(MIXTURE.values()), k=count):
        request = requests.draw(rng, "benign" if kind == "benign" else "harmful", "pretraining")
        response = voices.respond(rng, voices.TELEGRAPHIC, request, refuse=rng.random() < REFUSED[kind])
        yield Example(request.steered if kind == "steered" else request.text, response)
