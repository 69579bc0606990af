"""What both engines do to a single row: check it, see it loop, turn its ids into text."""

from collections.abc import Sequence
from typing import Protocol

# A response ends when its last tokens are one pattern, of at most 64 tokens, 16 times in a row. Runaway thought
# repeats a sentence or a line; 16 leaves room for rulers and tables, in which short patterns repeat too.
LOOP_PATTERN = 64
LOOP_COUNT = 16


class Decoder(Protocol):
    """The part of a tokenizer that is needed here."""

    def decode(self, token_ids: list[int], **kwargs: bool) -> str: ...


def prompt_error(prompt_ids: Sequence[int], max_model_len: int, vocabulary: int) -> str | None:
    """Why a row cannot be run, or None."""
    if not prompt_ids:
        return "empty prompt"
    if len(prompt_ids) >= max_model_len:
        return f"prompt too long: {len(prompt_ids)} tokens, the model takes {max_model_len} with the answer"
    if min(prompt_ids) < 0 or max(prompt_ids) >= vocabulary:
        return f"a token id is not in the vocabulary of {vocabulary}"
    return None


def loops(token_ids: Sequence[int], pattern: int = LOOP_PATTERN, count: int = LOOP_COUNT) -> bool:
    """Whether the sequence ends in a pattern of at most `pattern` tokens, `count` times in a row."""
    for size in range(1, min(pattern, len(token_ids) // count) + 1):
        # Periodic in its last size * count tokens: every one equals the one a period before it.
        if token_ids[-1] != token_ids[-1 - size]:
            continue
        tail = token_ids[-size * count:]
        if all(tail[i] == tail[i - size] for i in range(size, len(tail))):
            return True
    return False


def text_of(decoder: Decoder, token_ids: Sequence[int]) -> str:
    """The text of a response. Special tokens are left out; `<think>` is not special and stays."""
    return decoder.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
