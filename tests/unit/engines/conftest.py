"""The tiny student with a random adapter large enough to change what it says."""

import random

import pytest

from thinksafe import tinyworld
from thinksafe.engines.base import Request, Sampling

STUDENT = str(tinyworld.model_path("student"))


@pytest.fixture(scope="session")
def adapter(tmp_path_factory) -> str:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(STUDENT, dtype="float32")
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapter")
    get_peft_model(model, config).save_pretrained(folder)
    return str(folder)


def request(number: int, *, adapter: str | None = None, tokens: int = 24) -> Request:
    """A random prompt of 5 to 40 tokens, drawn from its number alone."""
    draw = random.Random(number)
    ids = tuple(draw.randrange(300, 1200) for _ in range(draw.randrange(5, 40)))
    return Request(f"r{number}", ids, Sampling(number, 0.9, 0.95, 20, tokens), adapter)


def answers(engine, requests) -> dict[str, tuple[int, ...]]:
    found = list(engine.generate(requests))
    assert all(c.error is None for c in found)
    assert len({c.key for c in found}) == len(found)
    return {c.key: c.token_ids for c in found}
