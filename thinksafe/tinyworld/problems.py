"""Word problems of two to four steps, solved step by step in the thought, with the result in a box."""

import random
import re
from typing import NamedTuple

from thinksafe.tinyworld.splits import Split, split_of
from thinksafe.tinyworld.voices import assemble

LARGEST = 50

# The part that is hard for a model of this size: remainders are single facts that no rule short enough for it
# gives. Without them the student would solve everything, and no loss of reasoning could be seen.
REMAINDER_SHARE = 0.12

NAMES = ("Tom", "Ana", "Ben", "Mia", "Leo", "Eva", "Sam", "Zoe", "Max", "Ida")
GOODS = ("apples", "coins", "books", "shells", "cards", "stones", "pens", "stamps", "cups", "nuts")
# The same words order the story and the thought; without them a model of this size loses its place.
ORDER = ("First", "Then", "Next", "Last")
STARTS = ("Start with {n}.", "There are {n}.", "We have {n}.")
ENDS = ("So it is {n}.", "That makes {n}.", "The result is {n}.")

BOX = re.compile(r"\\boxed\{\s*(-?\d+)\s*\}")


class Problem(NamedTuple):
    """A problem's text, its worked steps, and its result; category is "steps" or, the hard kind, "remainder"."""

    category: str
    text: str
    first: int
    steps: tuple[str, ...]
    answer: int


def step(rng: random.Random, number: int) -> tuple[str, str, int]:
    """What happens next, how it is worked out, and the number after it."""
    kinds = ["more"] * (number < LARGEST) + ["less"] * (number > 1) + ["double"] * (1 <= number <= LARGEST // 2)
    kind = rng.choice(kinds)
    if kind == "more":
        by = rng.randint(1, min(9, LARGEST - number))
        return rng.choice((f"gets {by} more", f"buys {by} more")), f"{number} + {by} =", number + by
    if kind == "less":
        by = rng.randint(1, min(9, number))
        return rng.choice((f"gives away {by}", f"loses {by}")), f"{number} - {by} =", number - by
    return "doubles them", f"{number} + {number} =", 2 * number


def remainder(rng: random.Random, number: int) -> tuple[str, str, int]:
    """A last step that keeps what is left over."""
    by = rng.randint(3, 9)
    return f"packs them in bags of {by} and keeps what is left over", f"{number} mod {by} =", number % by


def draw(rng: random.Random, split: Split) -> Problem:
    """One problem of the split."""
    while True:
        problem = compose(rng)
        if split_of(problem.text) == split:
            return problem


def compose(rng: random.Random) -> Problem:
    """A problem of any split."""
    first = number = rng.randint(2, 40)
    name, goods = rng.choice(NAMES), rng.choice(GOODS)
    happenings, steps = [], []
    order = ORDER[: rng.randint(2, len(ORDER))]
    hard = rng.random() < REMAINDER_SHARE
    for word in order:
        happening, work, number = remainder(rng, number) if hard and word == order[-1] else step(rng, number)
        happenings.append(f"{word} {name} {happening}.")
        steps.append(f"{word} {work} {number}.")
    story = f"{name} has {first} {goods}. {' '.join(happenings)}"
    text = f"{story} How many {goods} does {name} have now?"
    return Problem("remainder" if hard else "steps", text, first, tuple(steps), number)


def solve(rng: random.Random, problem: Problem) -> str:
    """A full solution, with its phrases chosen independently."""
    start = rng.choice(STARTS).format(n=problem.first)
    end = rng.choice(ENDS).format(n=problem.answer)
    boxed = f"\\boxed{{{problem.answer}}}"
    ending = rng.choice((f"The answer is {boxed}.", f"Answer: {boxed}.", f"It is {boxed}."))
    return assemble(" ".join((start, *problem.steps, end)), ending)


def boxed(response: str) -> str | None:
    """The last number in a box after the thought, as the benchmarks score it; None if there is none."""
    _, closed, answer = response.partition("</think>")
    found = BOX.findall(answer if closed else "")
    return found[-1] if found else None
