"""Prompts as token ids, in the model's own chat template; and other people's responses in the model's own dialect."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thinksafe.errors import SettingsError
from thinksafe.thought import CLOSE, OPEN, split

Tokenizer = Any  # a transformers tokenizer; that library is imported when the first one is loaded


@dataclass(frozen=True)
class Dialect:
    """How a model writes a response. `think_in_prompt`: its generation prompt already opens the thought (R1)."""

    think_in_prompt: bool
    end: int  # the id that ends a response


@functools.lru_cache(maxsize=8)
def load(path: Path) -> Tokenizer:
    """The tokenizer in a model's folder; no code of the folder is run. Raises SettingsError if there is none."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(path), trust_remote_code=False, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise SettingsError(f"{path}: its tokenizer cannot be read ({type(error).__name__})") from None


def prompt_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    """One user turn and the generation prompt, as ids. Raises SettingsError if there is no chat template."""
    if not tokenizer.chat_template:
        raise SettingsError(
            f"{tokenizer.name_or_path}: the tokenizer has no chat template",
            reason="NoChatTemplate",
            hint="Use an instruction-tuned model, or add chat_template.jinja to its folder",
        )
    turns = [{"role": "user", "content": text}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    return [int(i) for i in ids]


def dialect(tokenizer: Tokenizer) -> Dialect:
    """Probe how the model's responses begin and end. Raises SettingsError if it has no end token."""
    if tokenizer.eos_token_id is None:
        raise SettingsError(f"{tokenizer.name_or_path}: the tokenizer names no end token (eos_token)")
    probe = tokenizer.decode(prompt_ids(tokenizer, "probe"), skip_special_tokens=False)
    return Dialect(probe.rstrip().endswith(OPEN), int(tokenizer.eos_token_id))


def render_given(tokenizer: Tokenizer, how: Dialect, text: str) -> list[int]:
    """A response that someone else wrote, as this model would have: its thought in its tags, then its end token.

    A text without a closed thought is kept as it is, so that the quality filter can see and count it.
    """
    parts = split(text)
    if parts.closed:
        opening = "" if how.think_in_prompt else f"{OPEN}\n"
        text = f"{opening}{parts.thought}\n{CLOSE}\n\n{parts.answer}"
    # A control token spelled out in the text must stay text.
    return [*tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True), how.end]


def without_thought(tokenizer: Tokenizer, how: Dialect, ids: Sequence[int]) -> list[int]:
    """A response's ids with nothing in its thought: the tags with an empty line between them, then the same answer.

    A response whose thought never ends has no answer, and stays as it is. Raises SettingsError for a tokenizer in
    which `</think>` is not one token: the answer's own ids could not be told from the thought's.
    """
    closing = tokenizer.encode(CLOSE, add_special_tokens=False)
    if len(closing) != 1:
        raise SettingsError(
            f"{tokenizer.name_or_path}: {CLOSE} is not one token", reason="NoThoughtToken",
            hint="training.refusalThoughts: drop is for models that have it as one",
        )  # fmt: skip
    if closing[0] not in ids:
        return list(ids)
    # An R1's prompt ends in "<think>" and a line end already.
    empty = tokenizer.encode("\n" if how.think_in_prompt else f"{OPEN}\n\n", add_special_tokens=False)
    return [*empty, *ids[list(ids).index(closing[0]) :]]
