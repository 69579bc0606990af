"""Reading a judgement fails closed, and one unsafe view is enough."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.guards.base import judge

logprobs = st.floats(min_value=-50, max_value=0)


@given(st.lists(logprobs, min_size=2, max_size=2), st.floats(0.01, 0.99), st.floats(0, 1))
def test_safe_needs_mass_and_a_probability_below_the_threshold(scores, threshold, min_mass) -> None:
    probs = [math.exp(x) for x in scores]
    judged = judge(scores, unsafe=[False, True], threshold=threshold, min_mass=min_mass)
    if judged.verdict == "safe":
        assert sum(probs) >= min_mass
        assert probs[1] / sum(probs) < threshold
    if sum(probs) < min_mass:
        assert judged.verdict == "unscored" and judged.reason == "label-mass"


@pytest.mark.parametrize("scores", [None, [], [-1.0], [math.nan, -1.0], [0.5, -1.0], [-math.inf, -math.inf]])
def test_what_cannot_be_read_is_unscored(scores) -> None:
    assert judge(scores, unsafe=[False, True], threshold=0.5, min_mass=0.0).verdict == "unscored"


def test_every_unsafe_label_counts() -> None:
    scores = [math.log(0.45), math.log(0.3), math.log(0.25)]
    assert judge(scores, unsafe=[False, True, True], threshold=0.5, min_mass=0.5).verdict == "unsafe"
