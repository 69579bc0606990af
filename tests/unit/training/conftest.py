"""A random Qwen3 of a few thousand weights, and rows for it: what is tested here is arithmetic, not language."""

import random

import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from thinksafe.training.rows import TrainRow

VOCABULARY = 97


def make_model(folder, **changes):
    torch.manual_seed(0)
    config = Qwen3Config(**{**dict(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=8, max_position_embeddings=256, tie_word_embeddings=True, bos_token_id=0,
        eos_token_id=1, pad_token_id=2, initializer_range=0.2,
    ), **changes})
    Qwen3ForCausalLM(config).save_pretrained(folder)
    return str(folder)


def make_rows(count, *, seed=0, shortest=2, longest=14):
    draw = random.Random(seed)
    return [
        TrainRow(
            f"row-{i}", "harmful" if i % 2 else "benign",
            [draw.randrange(VOCABULARY) for _ in range(draw.randint(1, 6))],
            [draw.randrange(VOCABULARY) for _ in range(draw.randint(shortest, longest))],
        )
        for i in range(count)
    ]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def model_path(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("student"))
