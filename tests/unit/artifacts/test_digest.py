import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.artifacts.digest import digest

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(), v, max_size=3))
parameters = st.dictionaries(st.text(), values, max_size=4)
inputs = st.lists(st.text(max_size=5), max_size=3)


def shuffled(value, draw):
    if isinstance(value, dict):
        return {k: shuffled(value[k], draw) for k in draw(st.permutations(list(value)))}
    return [shuffled(v, draw) for v in value] if isinstance(value, list) else value


@settings(deadline=None)
@given(parameters, inputs, st.data())
def test_the_order_of_keys_does_not_matter(parameters, inputs, data):
    first = digest("train", 1, parameters, inputs)
    assert digest("train", 1, shuffled(parameters, data.draw), tuple(inputs)) == first
    assert len(first) == 64 and int(first, 16) >= 0


wholes = st.tuples(st.text(), st.integers(), parameters, inputs)


@settings(deadline=None)
@given(wholes, wholes)
def test_whatever_differs_gives_another_digest(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(*one) == digest(*other)) == same


def test_neighbours_differ():
    made = [
        digest("a", 1, {}, []), digest("b", 1, {}, []), digest("a", 2, {}, []), digest("a", 1, {"x": 1}, []),
        digest("a", 1, {"x": 1.0}, []), digest("a", 1, {"x": True}, []), digest("a", 1, {"x": "1"}, []),
        digest("a", 1, {"x": None}, []), digest("a", 1, {"x": [1, 2]}, []), digest("a", 1, {"x": [2, 1]}, []),
        digest("a", 1, {}, ["d", "e"]), digest("a", 1, {}, ["e", "d"]), digest("a", 1, {}, ["de"]),
        digest("a", 1, {"lr": 1e-5}, []), digest("a", 1, {"lr": 1.0000000000000002e-5}, []),
    ]  # fmt: skip
    assert len(set(made)) == len(made)


def test_the_digest_is_the_same_on_every_machine():
    made = digest("train", 3, {"lr": 1e-5, "ä": [True, None, "x"]}, ["00"])
    assert made == "eaf604f8088489a30014a08a8a5622849023e8619f1631b60d872e36090815e9"


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1: 2}, {1, 2}, b"x", object()])
def test_what_json_cannot_carry_is_refused_by_its_place(bad):
    with pytest.raises((TypeError, ValueError), match=r"parameters\.lora\[1\]"):
        digest("train", 1, {"lora": [0, bad]}, [])
