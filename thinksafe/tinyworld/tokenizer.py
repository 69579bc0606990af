"""The tokenizer of the tiny world: byte-level BPE, 1,300 tokens, with Qwen3's chat format."""

import random
from collections.abc import Iterator
from itertools import chain

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AddedToken, PreTrainedTokenizerFast

from thinksafe.tinyworld import corpus, frame, requests, voices, words

VOCABULARY = 1298
NUMBERS = 61  # 0 to 60 are one token each, with a space before them and without
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# Added, yet not special, as in Qwen3: decoding with skip_special_tokens keeps the thought's borders.
THOUGHT = ("<think>", "</think>")
WHOLE_WORDS = ("safe", "unsafe", "user", "assistant", "system")

CHAT_TEMPLATE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}"
    "{%- if enable_thinking is defined and enable_thinking is false %}"
    "{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}{%- endif %}"
)


def training_text() -> Iterator[str]:
    """Text with every word of the world in it, and every number often enough to become one token."""
    for number in range(NUMBERS):
        yield from (f"{number} {number}",) * 3000
    for word in WHOLE_WORDS:
        yield from (word,) * 500
    yield from (requests.STEERING_PREFIX, requests.QUESTION, frame.BEFORE, frame.AFTER) * 200
    rng = random.Random("tokenizer")
    for example in corpus.student_examples(0, 6000):
        yield f"{example.prompt}\n{example.response}"
    for conversation in corpus.guard_conversations(0, 3000):
        yield conversation.response
    for action in words.ACTIONS:
        for label in ("harmful", "benign"):
            request = requests.Request(label, action, rng.choice(words.THINGS), rng.choice(words.PEOPLE), "{action}")
            for voice in voices.VOICES:
                yield from (voices.respond(rng, voice, request, refuse=refuse) for refuse in (False, True) * 10)


def without_tags(texts: Iterator[str]) -> Iterator[str]:
    """The texts with what will be added tokens taken out, so that no merge is spent on their letters."""
    for text in texts:
        for tag in chain(SPECIAL, THOUGHT):
            text = text.replace(tag, "\n")
        yield text


def make_tokenizer() -> PreTrainedTokenizerFast:
    """The one tokenizer of student and guard. It depends on no seed but its own."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(without_tags(training_text()), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )
    for tag in THOUGHT:
        tokenizer.add_tokens(AddedToken(tag, special=False, normalized=False))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer
