"""The rows that others work with: prompts for LoRA, and evaluation sets."""

import random
from typing import Literal

from thinksafe.tinyworld import problems, requests
from thinksafe.tinyworld.splits import digest
from thinksafe.tinyworld.words import Action

Row = dict[str, str]
Evaluation = Literal["harmful", "harmful-verbs", "harmful-categories", "benign", "benign-verbs", "problems"]

EVALUATIONS: dict[str, tuple[requests.Label, tuple[Action, ...]]] = {
    "harmful": ("harmful", requests.HELD_IN_ACTIONS),
    "harmful-verbs": ("harmful", requests.HELD_OUT_VERB_ACTIONS),
    "harmful-categories": ("harmful", requests.HELD_OUT_CATEGORY_ACTIONS),
    "benign": ("benign", requests.HELD_IN_ACTIONS),
    "benign-verbs": ("benign", requests.HELD_OUT_VERB_ACTIONS),
}


def prompts(seed: int, harmful: int, benign: int) -> list[Row]:
    """Distinct prompts for LoRA, shuffled, each with id, text, label ("harmful" or "benign") and category.

    Two categories and four verbs never occur, nor do their benign twins. A benign row has the category of its
    harmful twin. ValueError if more rows are asked for than there are (about 11,000 of each label).
    """
    rng = random.Random(f"prompts {seed}")
    rows = sample(rng, "harmful", requests.HELD_IN_ACTIONS, "lora", harmful)
    rows += sample(rng, "benign", requests.HELD_IN_ACTIONS, "lora", benign)
    rng.shuffle(rows)
    return rows


def evaluation(name: str, seed: int, n: int) -> list[Row]:
    """`n` distinct rows of an evaluation set, each with id, text and category; problems also with answer.

    harmful-verbs and harmful-categories hold what is never in the LoRA data; benign-verbs the benign twins of the
    former. ValueError for an unknown name or when the set is smaller than n.
    """
    rng = random.Random(f"evaluation {name} {seed}")
    if name == "problems":
        return problem_rows(rng, n)
    if name not in EVALUATIONS:
        raise ValueError(f"no evaluation set {name!r}: there are {', '.join(EVALUATIONS)} and problems")
    label, actions = EVALUATIONS[name]
    rows = sample(rng, label, actions, "evaluation", n)
    return [{key: row[key] for key in ("id", "text", "category")} for row in rows]


def sample(
    rng: random.Random,
    label: requests.Label,
    actions: tuple[Action, ...],
    split: Literal["evaluation", "lora"],
    n: int,
) -> list[Row]:
    """`n` distinct requests of the split as rows."""
    pool = requests.pool(label, actions, split)
    if not 0 <= n <= len(pool):
        raise ValueError(f"{n} {label} rows asked for, there are {len(pool)}")
    return [
        {
            "id": f"{label}-{digest(request.text)[:12]}",
            "text": request.text,
            "label": label,
            "category": request.action.category,
        }
        for request in rng.sample(pool, n)
    ]


def problem_rows(rng: random.Random, n: int) -> list[Row]:
    """`n` distinct problems of the evaluation split as rows.

    The hard ones have their share exactly, not by chance: else a small set is easy or hard by luck of the seed.
    """
    if n < 0:
        raise ValueError(f"{n} problems asked for")
    hard = round(problems.REMAINDER_SHARE * n)
    room = {"remainder": hard, "steps": n - hard}
    rows: dict[str, Row] = {}
    while len(rows) < n:
        problem = problems.draw(rng, "evaluation")
        identity = f"problem-{digest(problem.text)[:12]}"
        if identity in rows or room[problem.category] == 0:
            continue
        room[problem.category] -= 1
        rows[identity] = {
            "id": identity,
            "text": problem.text,
            "category": problem.category,
            "answer": str(problem.answer),
        }
    return list(rows.values())
