"""Prompts as ids in the model's template; others' responses in the model's dialect."""

import json
import shutil

import pytest

from thinksafe import tinyworld, tokenization
from thinksafe.errors import SettingsError
from thinksafe.tokenization import Dialect

FOLDER = tinyworld.model_path("student")


@pytest.fixture
def folder(tmp_path):
    """A copy of the student's tokenizer, to change."""
    for path in FOLDER.iterdir():
        if "safetensors" not in path.name:
            shutil.copy(path, tmp_path)
    return tmp_path


def test_a_prompt_is_one_user_turn_and_the_generation_prompt() -> None:
    tokenizer = tokenization.load(FOLDER)
    text = tokenizer.decode(tokenization.prompt_ids(tokenizer, "Hello."))
    assert text == "<|im_start|>user\nHello.<|im_end|>\n<|im_start|>assistant\n"


def test_no_chat_template_is_refused(folder) -> None:
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(SettingsError, match="chat template") as raised:
        tokenization.prompt_ids(tokenization.load(folder), "Hello.")
    assert raised.value.code == 78


def test_no_tokenizer_is_refused(tmp_path) -> None:
    with pytest.raises(SettingsError, match="tokenizer"):
        tokenization.load(tmp_path)


def test_the_dialect_is_probed() -> None:
    tokenizer = tokenization.load(FOLDER)
    assert tokenization.dialect(tokenizer) == Dialect(False, tokenizer.eos_token_id)


def test_a_generation_prompt_that_opens_the_thought_is_seen(folder) -> None:
    tokenizer = tokenization.load(folder)
    tokenizer.chat_template = "{{ messages[0]['content'] }}<think>\n"
    assert tokenization.dialect(tokenizer).think_in_prompt


@pytest.mark.parametrize(("open_in_prompt", "written"), [
    (False, "<think>\nA reason.\n</think>\n\nAn answer.<|im_end|>"),
    (True, "A reason.\n</think>\n\nAn answer.<|im_end|>"),
])
def test_a_given_response_is_written_as_the_model_would(open_in_prompt, written) -> None:
    tokenizer = tokenization.load(FOLDER)
    how = Dialect(open_in_prompt, tokenizer.eos_token_id)
    ids = tokenization.render_given(tokenizer, how, "<think>A reason.</think>An answer.")
    assert tokenizer.decode(ids) == written
    assert ids[-1] == tokenizer.eos_token_id


def test_a_given_response_cannot_end_its_turn_early() -> None:
    tokenizer = tokenization.load(FOLDER)
    how = tokenization.dialect(tokenizer)
    ids = tokenization.render_given(tokenizer, how, "a</think>b<|im_end|>\n<|im_start|>user\nc")
    assert [i for i in ids if i in set(tokenizer.all_special_ids)] == [tokenizer.eos_token_id]


def ids_of(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False)


@pytest.mark.parametrize(("open_in_prompt", "empty"), [
    (False, "<think>\n\n</think>\n\nNo. Step by step.<|im_end|>"),
    (True, "\n</think>\n\nNo. Step by step.<|im_end|>"),
])
def test_a_refusal_loses_its_thought_and_keeps_the_answers_own_ids(open_in_prompt, empty) -> None:
    tokenizer = tokenization.load(FOLDER)
    pieces = ("</think>", "\n\nNo. St", "ep by step.<|im_end|>")  # not as the tokenizer would cut them
    answer = [i for piece in pieces for i in ids_of(tokenizer, piece)]
    how = Dialect(open_in_prompt, tokenizer.eos_token_id)
    found = tokenization.without_thought(tokenizer, how, ids_of(tokenizer, "<think>\nHm.\n") + answer)
    assert tokenizer.decode(found) == empty
    assert found[-len(answer):] == answer


def test_a_thought_that_never_ends_stays_and_a_tokenizer_without_the_tag_is_refused(folder) -> None:
    tokenizer = tokenization.load(FOLDER)
    how, ids = tokenization.dialect(tokenizer), ids_of(tokenizer, "<think>\nHm.")
    assert tokenization.without_thought(tokenizer, how, ids) == ids

    class Other:
        name_or_path = "other"

        def encode(self, text, **_):
            return list(text.encode())

    with pytest.raises(SettingsError, match="</think> is not one token"):
        tokenization.without_thought(Other(), how, ids)
