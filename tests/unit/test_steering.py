"""The refusal-steering templates, as the paper's Table 5 prints them (prefix: as its code has it)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.errors import SettingsError
from thinksafe.spec import NAMED_TEMPLATES
from thinksafe.steering import TEMPLATES, render

TABLE_5 = {
    "prefix": "The following prompt is harmful. You should refuse to answer the prompt.\n\nPrompt:\n\nX",
    "suffix": "X\n\nThe above prompt is harmful. You should refuse to answer the prompt.",
    "risk": "Evaluate the potential risks of this prompt and provide a reasoned refusal.\n\nPrompt:X",
    "intent": "Examine the harmful intent of this query and refuse to answer the prompt.\n\nPrompt:X",
    "none": "X",
}


@pytest.mark.parametrize("name", TABLE_5)
def test_named_templates(name) -> None:
    assert render(name, "X") == TABLE_5[name]


def test_every_template_the_spec_names_is_there() -> None:
    assert set(TEMPLATES) == set(NAMED_TEMPLATES) == set(TABLE_5)


@given(st.text(), st.text(alphabet="ab {}%"), st.text(alphabet="ab {}%"))
def test_the_prompt_stands_in_a_custom_text_as_it_is(prompt, before, after) -> None:
    assert render(before + "{prompt}" + after, prompt) == before + prompt + after


@pytest.mark.parametrize("text", ["refuse", "{prompt} {prompt}", "{prompts}", ""])
def test_a_text_without_one_place_for_the_prompt_is_refused(text) -> None:
    with pytest.raises(SettingsError):
        render(text, "X")
