"""How many responses were kept, why the others were not, and how many prompts have a kept one."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypedDict

KEPT = "kept"
# Kept, too, but judged by nobody: the response of a source with `filter: none`.
UNFILTERED = "unfiltered"
IN_THE_DATA = frozenset({KEPT, UNFILTERED})


class Retention(TypedDict):
    """Of one label: `kept` of `total` responses to `prompts` prompts, and the others counted by reason.

    `unfiltered` of the kept ones were judged by nobody.
    """

    label: str
    kept: int
    unfiltered: int
    total: int
    prompts: int
    reasons: dict[str, int]


class Coverage(TypedDict):
    """Of one label: the prompts that rung `rung` of the ladder gave a kept response, and all up to it."""

    label: str
    rung: int
    kept: int
    covered: int
    prompts: int


def by_label(counts: Iterable[Mapping], prompts: Mapping[str, int]) -> list[Retention]:
    """Retention of every label in `prompts`, over all rungs; `counts` holds `{label, rung, reason, count}`.

    ValueError when a count is of a label that has no prompts: a response to nothing.
    """
    found = {label: Counter[str]() for label in sorted(prompts)}
    for row in counts:
        if row["label"] not in found:
            raise ValueError(f"{row['count']} responses are labelled {row['label']!r}, and no prompt is")
        found[row["label"]][row["reason"]] += row["count"]
    return [
        {
            "label": label,
            "kept": sum(reasons[reason] for reason in IN_THE_DATA),
            "unfiltered": reasons[UNFILTERED],
            "total": reasons.total(),
            "prompts": prompts[label],
            "reasons": {reason: n for reason, n in reasons.most_common() if reason not in IN_THE_DATA and n},
        }
        for label, reasons in found.items()
    ]


def coverage(counts: Iterable[Mapping], prompts: Mapping[str, int]) -> list[Coverage]:
    """Coverage by label and rung. A prompt has at most one kept response, so responses kept are prompts covered.

    ValueError if more prompts are covered than there are.
    """
    kept = Counter[tuple[str, int]]()
    for row in counts:
        kept[row["label"], row["rung"]] += row["count"] if row["reason"] in IN_THE_DATA else 0
    found: list[Coverage] = []
    covered = Counter[str]()
    for (label, rung), n in sorted(kept.items()):
        covered[label] += n
        if covered[label] > prompts.get(label, 0):
            raise ValueError(f"{covered[label]} {label} prompts have a kept response, of {prompts.get(label, 0)}")
        found.append({"label": label, "rung": rung, "kept": n, "covered": covered[label], "prompts": prompts[label]})
    return found
