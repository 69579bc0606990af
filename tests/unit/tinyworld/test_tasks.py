"""The rows that others work with."""

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe import tinyworld
from thinksafe.tinyworld import requests, words
from thinksafe.tinyworld.splits import split_of

NAMES = ("harmful", "harmful-verbs", "harmful-categories", "benign", "benign-verbs", "problems")


@settings(max_examples=20, deadline=None)
@given(st.integers(), st.integers(0, 50), st.integers(0, 50))
def test_prompts_are_distinct_reproducible_and_of_the_lora_split(seed, harmful, benign):
    rows = tinyworld.prompts(seed, harmful, benign)
    assert rows == tinyworld.prompts(seed, harmful, benign)
    assert [sum(row["label"] == label for row in rows) for label in ("harmful", "benign")] == [harmful, benign]
    assert len({row["id"] for row in rows}) == len({row["text"] for row in rows}) == len(rows)
    assert all(split_of(row["text"]) == "lora" for row in rows)


def test_held_out_words_are_never_in_the_lora_prompts():
    rows = tinyworld.prompts(0, 5000, 5000)
    assert not {row["category"] for row in rows} & words.HELD_OUT_CATEGORIES
    for action in requests.HELD_OUT_VERB_ACTIONS:
        assert not any(f" {verb} {action.head}" in row["text"] for row in rows for verb in action[1:3])


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_rows_are_distinct_reproducible_and_of_their_split(name):
    rows = tinyworld.evaluation(name, 3, 200)
    assert rows == tinyworld.evaluation(name, 3, 200) != tinyworld.evaluation(name, 4, 200)
    assert len({row["id"] for row in rows}) == 200
    assert all(split_of(row["text"]) == "evaluation" for row in rows)
    assert all(set(row) == {"id", "text", "category"} | ({"answer"} if name == "problems" else set()) for row in rows)


def test_evaluation_sets_hold_what_their_names_say():
    verbs = {action.harmful_verb for action in requests.HELD_OUT_VERB_ACTIONS}
    twins = {action.benign_verb for action in requests.HELD_OUT_VERB_ACTIONS}
    for name, wanted in (("harmful-verbs", verbs), ("benign-verbs", twins)):
        assert all(wanted & set(row["text"].split()) for row in tinyworld.evaluation(name, 0, 200))
    categories = {row["category"] for row in tinyworld.evaluation("harmful-categories", 0, 200)}
    assert categories == words.HELD_OUT_CATEGORIES
    hard = [row["category"] == "remainder" for row in tinyworld.evaluation("problems", 0, 200)]
    assert sum(hard) == 24


def test_too_many_rows_and_unknown_sets_are_refused():
    with pytest.raises(ValueError, match="there are"):
        tinyworld.prompts(0, 10**6, 0)
    with pytest.raises(ValueError, match="asked for"):
        tinyworld.evaluation("problems", 0, -1)
    with pytest.raises(ValueError, match="no evaluation set 'harm'"):
        tinyworld.evaluation("harm", 0, 1)


def test_importing_the_world_does_not_import_torch():
    code = "import sys, thinksafe.tinyworld; thinksafe.tinyworld.prompts(0, 2, 2); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
