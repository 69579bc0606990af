import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.artifacts.patience import Again, Patience
from thinksafe.errors import TemporaryError

SOON = Patience(seconds=5, first=0.001, longest=0.002)


def test_it_asks_until_it_is_answered_and_says_that_it_repeats():
    heard = []

    def ask(repeated: bool) -> str:
        heard.append(repeated)
        if len(heard) < 4:
            raise Again("busy")
        return "answer"

    assert SOON.insist("s3://b/k", ask) == "answer" and heard == [False, True, True, True]


def test_it_gives_up_in_the_end():
    def ask(repeated: bool) -> None:
        raise Again("busy")

    with pytest.raises(TemporaryError, match=r"s3://b/k: busy, still so after \d+ tries") as caught:
        Patience(seconds=0.02, first=0.001, longest=0.002).insist("s3://b/k", ask)
    assert caught.value.reason == "StoreUnavailable"


def test_another_error_is_not_repeated():
    heard = []

    def ask(repeated: bool) -> None:
        heard.append(repeated)
        raise RuntimeError("bug")

    with pytest.raises(RuntimeError):
        SOON.insist("k", ask)
    assert len(heard) == 1


@settings(deadline=None)
@given(st.integers(1, 10**6))
def test_pauses_grow_to_a_bound(attempt):
    pause = Patience(first=0.2, longest=15).pauses(attempt)
    ceiling = min(15, 0.2 * 2 ** min(attempt - 1, 30))
    assert ceiling / 2 <= pause <= ceiling
