"""What is unusable in itself, and for which counted reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.quality import loops, reject_reason

GOOD = "<think>\nA reason.\n</think>\n\nAn answer."


@pytest.mark.parametrize(
    ("text", "finish", "error", "reason"),
    [
        (GOOD, "stop", None, None),
        (GOOD, "given", None, None),
        ("A reason.\n</think>\n\nAn answer.", "stop", None, None),  # the prompt opened the thought
        ("<think>\nA reason.", "stop", None, "unclosed-thought"),
        ("An answer.", "stop", None, "unclosed-thought"),
        ("<think>\n\n</think>\n\nAn answer.", "stop", None, "empty-thought"),
        ("<think>\nA reason.\n</think>\n\n ", "stop", None, "empty-answer"),
        (GOOD, "length", None, "truncated"),
        (GOOD, "repetition", None, "repetition"),
        (GOOD + " and so on" * 40, "stop", None, "repetition"),
        (GOOD, "error", None, "error"),
        (GOOD, "stop", "prompt too long", "error"),
        ("", "error", "empty prompt", "error"),
    ],
)
def test_reasons(text, finish, error, reason) -> None:
    assert reject_reason(text, finish, error) == reason


@given(st.text(max_size=300), st.sampled_from(["stop", "given", "length", "repetition", "error"]))
def test_what_is_kept_has_a_thought_and_an_answer(text, finish) -> None:
    if reject_reason(text, finish, None) is None:
        before, close, after = text.partition("</think>")
        assert close and before.strip() and after.strip() and finish in ("stop", "given")


@given(st.text(alphabet="abc \n", min_size=1, max_size=30).filter(str.strip), st.text(max_size=50))
def test_a_piece_over_and_over_is_a_loop(piece, head) -> None:
    assert loops(head + piece * 200)


@given(st.lists(st.integers(0, 10**9), min_size=20, max_size=60))
def test_text_that_goes_on_is_no_loop(numbers) -> None:
    assert not loops(" ".join(f"step {i}: {n}" for i, n in enumerate(numbers)))
