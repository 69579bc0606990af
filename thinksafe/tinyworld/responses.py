"""Requests with ready responses, in the manner of the data sets that the method is compared with.

    star1            harmful requests alone, refused with reasoning, in another model's (the telegraphic) voice
    directrefusal    harmful requests alone, refused behind one fixed thought, in a third (the list-like) voice
    safechain        harmful requests refused and benign ones answered, all in the other model's voice

What they have in common with the real ones is this and no more: who wrote them, whether they reason, and which
labels they have. Here every refusal is a template's, so that they are as safe as text can be.
"""

import random

from thinksafe.tinyworld import requests, tasks, voices

STYLES = ("star1", "directrefusal", "safechain")
WITH_BENIGN = ("safechain",)
DIRECT_THOUGHT = "I should not answer this question!"


def responses(style: str, seed: int, harmful: int, benign: int) -> list[tasks.Row]:
    """As `tasks.prompts` with the same seed and counts, each row with a `response`; the ids are the same.

    Which words a response is made of depends on the seed, the style and the row's id alone. ValueError if more rows
    are asked for than there are, and for benign rows of a style that has none.
    """
    if benign and style not in WITH_BENIGN:
        raise ValueError(f"{style} has no benign rows")
    rows = tasks.prompts(seed, harmful, benign)
    asked = {request.text: request for label in ("harmful", "benign") for request in _pool(label)}
    return [{**row, "response": _response(style, seed, row, asked[row["text"]])} for row in rows]


def _pool(label: requests.Label) -> tuple[requests.Request, ...]:
    return requests.pool(label, requests.HELD_IN_ACTIONS, "lora")


def _response(style: str, seed: int, row: tasks.Row, request: requests.Request) -> str:
    rng, refuse = random.Random(f"{style} {seed} {row['id']}"), row["label"] == "harmful"
    if style == "directrefusal":
        return voices.assemble(DIRECT_THOUGHT, voices.answer(rng, voices.LISTING, request, refuse=refuse))
    return voices.respond(rng, voices.TELEGRAPHIC, request, refuse=refuse)
