"""Rules for a single row: the loop detector is vLLM's, and bad prompts are named."""

from hypothesis import given
from hypothesis import strategies as st

from thinksafe.engines.rows import LOOP_COUNT, loops, prompt_error

ids = st.lists(st.integers(0, 3), max_size=12)


def ends_in_a_loop(tokens: list[int], pattern: int, count: int) -> bool:
    """By its definition: some piece of at most `pattern` tokens stands `count` times at the end."""
    return any(
        len(tokens) >= size * count and tokens[-size * count:] == tokens[-size:] * count
        for size in range(1, pattern + 1)
    )


@given(ids, st.lists(st.integers(0, 3), min_size=1, max_size=5), st.integers(1, 6), st.integers(2, 5))
def test_loops_are_those_of_the_definition(head, piece, times, count) -> None:
    tokens = head + piece * times
    assert loops(tokens, 4, count) == ends_in_a_loop(tokens, 4, count)


def test_a_ruler_is_no_loop_and_a_runaway_thought_is() -> None:
    assert not loops([7] * (LOOP_COUNT - 1))
    assert loops(list(range(40)) * LOOP_COUNT)


def test_prompts_that_cannot_run() -> None:
    assert prompt_error([1, 2], 8, 10) is None
    assert prompt_error([], 8, 10) == "empty prompt"
    assert "too long" in (prompt_error([1] * 8, 8, 10) or "")
    assert prompt_error([1] * 7, 8, 10) is None
    assert "vocabulary" in (prompt_error([10], 8, 10) or "")
    assert "vocabulary" in (prompt_error([-1], 8, 10) or "")
