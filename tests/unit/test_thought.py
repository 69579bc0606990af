"""A response comes apart into thought and answer."""

from hypothesis import given
from hypothesis import strategies as st

from thinksafe.thought import Parts, split

words = st.text(alphabet="abc \n", max_size=20)


@given(words, words, st.booleans())
def test_split_is_the_inverse_of_writing(thought, answer, opened) -> None:
    text = ("<think>\n" if opened else "") + f"{thought}\n</think>\n\n{answer}"
    assert split(text) == Parts(thought.strip(), answer.strip(), True)


@given(words)
def test_without_an_end_all_is_thought(text) -> None:
    assert split("<think>" + text) == Parts(text.strip(), "", False)


def test_the_first_end_counts() -> None:
    assert split("a</think>b</think>c").answer == "b</think>c"
