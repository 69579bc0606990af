"""Which part of the world a prompt belongs to: a function of its text alone."""

import hashlib
from typing import Literal

Split = Literal["evaluation", "lora", "pretraining"]


def digest(text: str) -> str:
    """The hexadecimal SHA-256 of the text."""
    return hashlib.sha256(text.encode()).hexdigest()


def split_of(prompt: str) -> Split:
    """1/10 of all prompts are for evaluation, 1/10 for LoRA, 8/10 for pretraining and for the guard.

    By hash, not by a list, so that the splits stay disjoint whatever is drawn, in any order, with any seed.
    """
    tenth = int(digest(prompt)[:8], 16) % 10
    if tenth == 0:
        return "evaluation"
    return "lora" if tenth == 1 else "pretraining"
