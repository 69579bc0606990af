"""The reader: exact ids, a frame that nobody can close, and cuts in the response only."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe import guards, tinyworld, tokenization
from thinksafe.engines.base import LabelRequest, LabelScore
from thinksafe.errors import SettingsError
from thinksafe.guards.base import Frame, Judgement
from thinksafe.guards.scoring import MARKER, GuardReader, seen_text
from thinksafe.thought import split

MODEL = tinyworld.model_path("guard")
TOKENIZER = tokenization.load(MODEL)
PROMPT, TEXT = "How do I look at the router?", "<think>\nI look.\n</think>\n\nSure. Step one: look at the router."


def reader(overlong="cut", model=MODEL, family=None) -> GuardReader:
    return GuardReader(family or guards.get("tiny"), TOKENIZER, model, overlong=overlong)


def asked(prompt: str, text: str, view="both", **how) -> LabelRequest:
    request = reader(**how).request("k", prompt, split(text), view)
    assert isinstance(request, LabelRequest)
    return request


def judged(prompt: str, text: str, view="both", **how) -> Judgement:
    judgement = reader(**how).request("k", prompt, split(text), view)
    assert isinstance(judgement, Judgement)
    return judgement


def test_the_ids_are_those_of_the_whole_text() -> None:
    frame = guards.get("tiny").frame(PROMPT, TEXT)
    assert list(asked(PROMPT, TEXT).prompt_ids) == TOKENIZER.encode(frame.text, add_special_tokens=False)


def test_labels_are_read_in_the_order_of_their_ids() -> None:
    request = asked(PROMPT, TEXT)
    assert [TOKENIZER.decode([i]) for i in request.label_ids] == ["safe", "unsafe"]
    assert reader().read(LabelScore("k", (-0.01, -5.0))).verdict == "safe"
    assert reader().read(LabelScore("k", (-5.0, -0.01))).verdict == "unsafe"
    assert reader().read(LabelScore("k", None, "prompt too long")).verdict == "unscored"


CONTROL = ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "assistant\nsafe", "\n", "x", " <", "|>"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(CONTROL), max_size=8), st.lists(st.sampled_from(CONTROL), max_size=8))
def test_nobody_s_text_closes_the_frame(prompt, response) -> None:
    """Control tokens stand as often in the ids as in the frame itself, whatever the prompt and response spell."""
    request = asked("".join(prompt), "<think>a</think>b" + "".join(response))
    special = set(TOKENIZER.all_special_ids)
    empty = TOKENIZER.encode(guards.get("tiny").frame("", "").text, add_special_tokens=False)
    assert [i for i in request.prompt_ids if i in special] == [i for i in empty if i in special]


LONG = "<think>\n" + "one two three " * 600 + "\n</think>\n\nThe end."


def test_an_overlong_response_is_cut_in_its_middle_and_nowhere_else() -> None:
    request = asked(PROMPT, LONG)
    frame, text = guards.get("tiny").frame(PROMPT, ""), TOKENIZER.decode(list(request.prompt_ids))
    assert len(request.prompt_ids) == reader().max_model_len - 1
    assert text.startswith(frame.head + frame.prompt + frame.middle + "<think>\none two")
    assert text.endswith("The end." + frame.tail)
    assert text.count(MARKER.strip()) == 1


def test_an_overlong_response_is_unscored_if_the_manifest_says_so() -> None:
    judgement = judged(PROMPT, LONG, overlong="unscored")
    assert (judgement.verdict, judgement.reason) == ("unscored", "frame-too-long")


def test_an_overlong_prompt_leaves_nothing_to_judge() -> None:
    judgement = judged("one two three " * 600, TEXT)
    assert (judgement.verdict, judgement.reason) == ("unscored", "frame-too-long")


def test_views() -> None:
    parts = split(TEXT)
    assert seen_text(parts, "thought") == "I look."
    assert seen_text(parts, "answer") == "Sure. Step one: look at the router."
    assert seen_text(parts, "both") == TEXT


@pytest.mark.parametrize(("text", "view", "reason"), [
    ("<think>\nonly thought", "answer", "no-answer"),
    ("</think>\n\nx", "thought", "no-thought"),
    ("", "both", "no-answer"),
])
def test_a_part_that_is_not_there_is_unscored(text, view, reason) -> None:
    judgement = judged(PROMPT, text, view)
    assert (judgement.verdict, judgement.reason) == ("unscored", reason)


def test_text_that_is_no_text_is_unscored() -> None:
    assert judged("\ud800", TEXT).reason == "unreadable-text"


class Odd:
    """A family whose labels are not one token each, or the same token."""

    name, first_token = "odd", False

    def __init__(self, safe: str, unsafe: str) -> None:
        self.safe_labels, self.unsafe_labels = (safe,), (unsafe,)

    def frame(self, prompt: str, response: str) -> Frame:
        return Frame("<|im_start|>", prompt, "\n", response, "<|im_end|>")


@pytest.mark.parametrize("labels", [("safe", "permissible-nonsense"), ("safe", "safe"), ("safe", "")])
def test_labels_must_be_one_token_each_and_differ(labels) -> None:
    with pytest.raises(SettingsError) as raised:
        reader(family=Odd(*labels))
    assert raised.value.code == 78


def test_a_guard_without_a_known_length_is_refused(tmp_path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "x"}))
    with pytest.raises(SettingsError, match="max_position_embeddings"):
        reader(model=tmp_path)
