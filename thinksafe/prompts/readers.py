"""The formats of public prompt sets: which columns tell a format, and what its row means.

Columns are those of the files in the sets' own repositories.
"""

from collections.abc import Callable
from dataclasses import dataclass

from thinksafe.prompts.cells import Cells, Label
from thinksafe.thought import CLOSE, OPEN

DIRECT_THOUGHT = "I should not answer this question!"
KINDS: dict[str, Label] = {
    "vanilla_harmful": "harmful", "adversarial_harmful": "harmful",
    "vanilla_benign": "benign", "adversarial_benign": "benign",
}  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """What a row says. `label` is None where the format leaves it to the manifest."""

    text: str
    label: Label | None
    category: str | None = None
    response: str | None = None
    own_id: str | None = None


@dataclass(frozen=True)
class Format:
    """`columns`: sets of columns, any of which tells the format."""

    columns: tuple[frozenset[str], ...]
    read: Callable[[Cells], Draft]


def behaviour(cells: Cells) -> str:
    """HarmBench's user turn: a contextual behaviour stands after its context, as HarmBench's direct request has it."""
    context, text = cells.optional("ContextString"), cells.text("Behavior")
    return f"{context}\n\n---\n\n{text}" if context else text


def safechain(cells: Cells) -> Draft:
    """UWNSL/SafeChain: 40,000 rows, four labels."""
    label = cells.label("label", KINDS)
    return Draft(cells.text("instruction"), label, cells.text("label"), cells.optional("response"))


def harmbench(cells: Cells) -> Draft:
    """HarmBench's behaviours, or the paper's attack prompts (prompt, objective), which have no category."""
    if "Behavior" not in cells.row:
        return Draft(cells.text("prompt"), "harmful")
    return Draft(behaviour(cells), "harmful", cells.optional("SemanticCategory"), None, cells.optional("BehaviorID"))


def advbench(cells: Cells) -> Draft:
    """AdvBench as published (goal, target), as walledai's (prompt, target), or in HarmBench's columns."""
    if "Behavior" in cells.row:
        return Draft(behaviour(cells), "harmful", cells.optional("Category"), None, cells.optional("BehaviorID"))
    return Draft(cells.text("goal" if "goal" in cells.row else "prompt"), "harmful")


def strongreject(cells: Cells) -> Draft:
    """StrongREJECT's CSV (forbidden_prompt) or walledai's copy (prompt)."""
    column = "forbidden_prompt" if "forbidden_prompt" in cells.row else "prompt"
    return Draft(cells.text(column), "harmful", cells.optional("category"))


def xstest(cells: Cells) -> Draft:
    """XSTest: safe prompts that look unsafe, and their unsafe contrasts."""
    label = cells.label("label", {"safe": "benign", "unsafe": "harmful"})
    return Draft(cells.text("prompt"), label, cells.optional("type"), None, cells.optional("id"))


def wildjailbreak(cells: Cells) -> Draft:
    """WildJailbreak, train and eval: a vanilla row has its prompt in `vanilla` and nothing in `adversarial`."""
    label, kind = cells.label("data_type", KINDS), cells.text("data_type").strip().lower()
    text = cells.text("vanilla" if kind.startswith("vanilla") else "adversarial")
    return Draft(text, label, kind, cells.optional("completion"))


def star1(cells: Cells) -> Draft:
    """STAR-1: a harmful question and a teacher's answer with its thought in <think>; categories are a list."""
    categories = cells.row.get("category")
    several = isinstance(categories, list)
    category = ", ".join(map(str, categories)) or None if several else cells.optional("category")
    return Draft(cells.text("question"), "harmful", category, cells.text("response"), cells.optional("id"))


def directrefusal(cells: Cells) -> Draft:
    """TianshengHuang/DirectRefusal: the answer stands behind `Answer:`, and before it goes one thought for all.

    The thought is that of the set's authors, who put it there when they train (arXiv 2503.00555).
    """
    _, found, answer = cells.text("refusal").partition("Answer:")
    if not found or not answer.strip():
        raise cells.fail(
            "column 'refusal' has nothing behind 'Answer:'", "Is this the set TianshengHuang/DirectRefusal?"
        )
    response = f"{OPEN}\n{DIRECT_THOUGHT}\n{CLOSE}\n\n{answer.strip()}"
    return Draft(cells.text("prompt"), "harmful", None, response)


def gsm8k(cells: Cells) -> Draft:
    """GSM8K: a word problem is a benign prompt."""
    return Draft(cells.text("question"), "benign", "mathematics")


def math500(cells: Cells) -> Draft:
    """MATH-500 (and MATH in its columns)."""
    return Draft(cells.text("problem"), "benign", cells.optional("subject"), None, cells.optional("unique_id"))


def aime(cells: Cells) -> Draft:
    """AIME, in AI-MO's and HuggingFaceH4's columns or in Maxwell-Jia's."""
    upper = "Problem" in cells.row
    return Draft(
        cells.text("Problem" if upper else "problem"), "benign", "mathematics", None,
        cells.optional("ID" if upper else "id"),
    )  # fmt: skip


def gpqa(cells: Cells) -> Draft:
    """GPQA: the question without its options."""
    return Draft(
        cells.text("Question"), "benign", cells.optional("High-level domain"), None, cells.optional("Record ID")
    )


def tiny(cells: Cells) -> Draft:
    """The tiny world's own rows."""
    return Draft(
        cells.text("text"), cells.label("label"), cells.optional("category"), cells.optional("response"),
        cells.optional("id"),
    )  # fmt: skip


def _format(read: Callable[[Cells], Draft], *columns: str) -> Format:
    return Format(tuple(frozenset(c.split("|")) for c in columns), read)


FORMATS: dict[str, Format] = {
    "safechain": _format(safechain, "instruction|label|response"),
    "harmbench": _format(harmbench, "Behavior|ContextString|FunctionalCategory", "prompt|objective"),
    "advbench": _format(advbench, "goal|target", "prompt|target", "Behavior|ContextString"),
    "strongreject": _format(strongreject, "forbidden_prompt|category", "prompt|category|source"),
    "xstest": _format(xstest, "prompt|label|type|focus"),
    "wildjailbreak": _format(wildjailbreak, "adversarial|data_type"),
    "directrefusal": _format(directrefusal, "prompt|refusal"),
    "star1": _format(star1, "question|response|score"),
    "gsm8k": _format(gsm8k, "question|answer"),
    "math500": _format(math500, "problem|answer|subject|level"),
    "aime": _format(aime, "problem|answer|url", "ID|Problem|Answer"),
    "gpqa": _format(gpqa, "Question|Correct Answer|Incorrect Answer 1"),
    "tiny": _format(tiny, "id|text|label|category"),
}
