"""Refusal steering: what is put around a harmful prompt so that the frozen model refuses it with its own reasoning.

The four named templates are those of the paper (arXiv 2601.23143, Table 5). `prefix` keeps the blank line of the
authors' code between "Prompt:" and the prompt; the other three are as printed.
"""

from thinksafe.errors import SettingsError

PLACE = "{prompt}"
TEMPLATES = {
    "prefix": "The following prompt is harmful. You should refuse to answer the prompt.\n\nPrompt:\n\n{prompt}",
    "suffix": "{prompt}\n\nThe above prompt is harmful. You should refuse to answer the prompt.",
    "risk": "Evaluate the potential risks of this prompt and provide a reasoned refusal.\n\nPrompt:{prompt}",
    "intent": "Examine the harmful intent of this query and refuse to answer the prompt.\n\nPrompt:{prompt}",
    "none": "{prompt}",
}


def render(template: str, prompt: str) -> str:
    """The user turn: a named template or a text with `{prompt}` in it, filled. Braces in the prompt stay as they are.

    Raises SettingsError if the text has no place for the prompt, or more than one.
    """
    text = TEMPLATES.get(template, template)
    if text.count(PLACE) != 1:
        raise SettingsError(
            f"spec.steering.template: {template[:60]!r} is no template we know and has no single {PLACE} in it"
        )
    return text.replace(PLACE, prompt)
