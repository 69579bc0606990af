"""How far the guards of a quorum agree on the same responses: the paper's question of which guard it takes.

Agreement alone says little where nearly all responses are safe; Cohen's kappa takes off what two guards would agree on
by chance, given how often each says unsafe (Cohen, Educ. Psychol. Meas. 20, 1960).
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

SAFE, UNSAFE = "safe", "unsafe"


class Agreement(TypedDict):
    """Two guards on the responses that both were asked about.

    `n` of them both could judge; `kappa` is over these, and None where one of the guards says the same of all:
    then chance alone would explain any agreement. `unscored` are those that at least one could not judge.
    """

    first: str
    second: str
    both_safe: int
    both_unsafe: int
    only_first_unsafe: int
    only_second_unsafe: int
    unscored: int
    n: int
    kappa: float | None


def pairs(names: Sequence[str], verdicts: Iterable[Sequence[str]]) -> list[Agreement]:
    """Every pair of guards. `verdicts` has a row a response: one of safe, unsafe, unscored a guard, in their order."""
    places = list(itertools.combinations(range(len(names)), 2))
    counted: dict[tuple[int, int], Counter[tuple[str, str]]] = {place: Counter() for place in places}
    for row in verdicts:
        for one, other in places:
            counted[one, other][row[one], row[other]] += 1
    return [_pair(names[one], names[other], counted[one, other]) for one, other in places]


def _pair(first: str, second: str, seen: Mapping[tuple[str, str], int]) -> Agreement:
    both_safe, both_unsafe = seen.get((SAFE, SAFE), 0), seen.get((UNSAFE, UNSAFE), 0)
    only_first, only_second = seen.get((UNSAFE, SAFE), 0), seen.get((SAFE, UNSAFE), 0)
    n = both_safe + both_unsafe + only_first + only_second
    return {
        "first": first,
        "second": second,
        "both_safe": both_safe,
        "both_unsafe": both_unsafe,
        "only_first_unsafe": only_first,
        "only_second_unsafe": only_second,
        "unscored": sum(seen.values()) - n,
        "n": n,
        "kappa": kappa(both_safe, both_unsafe, only_first, only_second),
    }


def kappa(both_safe: int, both_unsafe: int, only_first: int, only_second: int) -> float | None:
    """Cohen's kappa of a table of two by two: 1 is full agreement, 0 that of chance; None where it is not defined."""
    n = both_safe + both_unsafe + only_first + only_second
    first, second = both_unsafe + only_first, both_unsafe + only_second  # how often each says unsafe
    if first in (0, n) or second in (0, n):
        return None
    chance = (first * second + (n - first) * (n - second)) / n**2
    return ((both_safe + both_unsafe) / n - chance) / (1 - chance)
