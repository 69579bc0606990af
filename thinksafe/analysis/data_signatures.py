"""Failure signatures that the counts of kept and dropped responses show, before anything is trained.

[P] is arXiv 2601.23143 v4; where a threshold is ours, it says why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypedDict

from thinksafe.analysis.words import REASON, bound, count, percent

# [P] Table 3: the filter removed 0.2 to 12.9 % of the harmful rows over seven models. A fifth is well beyond.
LOW_RETENTION = 0.8
# Ours: a row at the limit costs as much as ten to forty others and teaches nothing, so one in twenty doubles the cost.
RUNAWAY = 0.05
# Ours: a guard that fits its frame and its threshold reads nearly every response; one in fifty is no chance.
UNREADABLE = 0.02
# Ours: a model that is asked in its own format closes its thought before it ends, nearly always.
BROKEN = 0.05
# [P] Table 3: of the benign rows 0.6 to 2.7 % were removed for all reasons together, 11.0 % of the weakest model's.
STRICT = 0.15

RAN_AWAY = frozenset({"truncated", "repetition"})
MISSHAPEN = frozenset({"unclosed-thought", "empty-thought", "empty-answer"})  # ended by itself, in the wrong shape
UNREAD = frozenset({"label-mass", "no-answer", "too-long", "overlong", "not-judged"})


class Signature(TypedDict):
    """One failure: `code` for machines, the numbers that show it, and what to do."""

    code: str
    evidence: str
    hint: str


def signature(code: str, evidence: str, hint: str) -> Signature:
    return {"code": code, "evidence": evidence, "hint": hint}


def find(kept: Sequence[Mapping]) -> list[Signature]:
    """The signatures in a summary's `retention`, causes first. What another one explains is no low retention."""
    told = [
        *_unreadable(kept), *_misshapen(kept), *_runaway(kept), *_strict(kept), *_no_benign(kept),
    ]  # fmt: skip
    return [*told, *_low(kept, {s["code"] for s in told})]


def _share(row: Mapping, reasons: Iterable[str]) -> tuple[int, float]:
    """How many of the label's responses were dropped for one of these reasons, and which share of all."""
    dropped = sum(row["reasons"].get(reason, 0) for reason in reasons)
    return dropped, dropped / row["total"] if row["total"] else 0.0


UNREADABLE_HINT = (
    "A response that cannot be judged is never kept and counts against the gate. Check that spec.guard.family is "
    "the guard's own, that its context holds the longest response (overlong: cut), and minLabelMass."
)


def _unreadable(kept: Iterable[Mapping]) -> Iterator[Signature]:
    for row in kept:
        _, share = _share(row, UNREAD)
        if share >= UNREADABLE:
            named = ", ".join(f"{why} {count(n)}" for why, n in row["reasons"].items() if why in UNREAD)
            said = f"The guard could not read {percent(share)} of the {row['label']} responses ({named})."
            yield signature("guard-unreadable", said, UNREADABLE_HINT)


def _misshapen(kept: Iterable[Mapping]) -> Iterator[Signature]:
    for row in kept:
        n, share = _share(row, MISSHAPEN)
        if share >= BROKEN:
            named = ", ".join(
                f"{REASON[why]} {count(row['reasons'][why])}" for why in row["reasons"] if why in MISSHAPEN
            )
            yield signature(
                "broken-format",
                f"{count(n)} of {count(row['total'])} {row['label']} responses ended by themselves without a thought "
                f"and an answer in their places ({percent(share)}: {named}).",
                "The model is not asked in the format it knows. Look at the chat template in its folder: it must be "
                "the model's own, end with the generation prompt, and not switch thinking off.",
            )


def _runaway(kept: Iterable[Mapping]) -> Iterator[Signature]:
    for row in kept:
        ran, share = _share(row, RAN_AWAY)
        if share >= RUNAWAY:
            yield signature(
                "runaway-thinking",
                f"{count(ran)} of {count(row['total'])} {row['label']} responses were cut off or repeated themselves "
                f"({percent(share)}).",
                "Raise spec.generation.maxTokens if they are only long; if they repeat themselves, raise the "
                "temperature or topP a little, or draw more samples.",
            )


def _strict(kept: Iterable[Mapping]) -> Iterator[Signature]:
    for row in kept:
        n, share = _share(row, ["unsafe"])
        if row["label"] == "benign" and share >= STRICT:
            yield signature(
                "strict-filter",
                f"The guard calls {count(n)} of {count(row['total'])} responses to benign prompts unsafe "
                f"({percent(share)}).",
                "What is harmless is thrown away, and of the refusals the good ones, too. Raise spec.guard.threshold "
                "(0.5 is the guard's own word), and check that spec.guard.family is the guard's own.",
            )


def _no_benign(kept: Sequence[Mapping]) -> Iterator[Signature]:
    benign = sum(row["kept"] for row in kept if row["label"] == "benign")
    others = sum(row["kept"] for row in kept) - benign
    if others and not benign:
        asked = sum(row.get("prompts") or row["total"] for row in kept if row["label"] == "benign")
        yield signature(
            "no-benign-rows",
            f"All {count(others)} kept responses answer harmful prompts; none answers a benign one "
            f"({count(asked)} benign prompts were asked).",
            "Trained on refusals alone, a model forgets how to reason and may refuse anything. Add benign prompts to "
            "spec.prompts, about as many as harmful ones (limit.benign must not be 0).",
        )


def _low(kept: Iterable[Mapping], explained: set[str]) -> Iterator[Signature]:
    for row in kept:
        prompts = row.get("prompts") or row["total"]
        if not prompts or row["kept"] / prompts >= LOW_RETENTION:
            continue
        # A spare sample is no loss: another one of its prompt was kept.
        lost = [item for item in row["reasons"].items() if item[0] != "spare"]
        reasons = sorted(lost, key=lambda item: -item[1])
        if _cause(reasons[0][0] if reasons else "") in explained:
            continue
        most = f" Most often: {REASON.get(reasons[0][0], reasons[0][0])} ({count(reasons[0][1])})." if reasons else ""
        harmful = row["label"] == "harmful"
        yield signature(
            "low-retention",
            f"{count(row['kept'])} of {count(prompts)} {row['label']} prompts have a kept response "
            f"({percent(row['kept'] / prompts)}, below {bound(LOW_RETENTION)}).{most}",
            "The steering does not bring out safe reasoning often enough. Add rungs to spec.steering.ladder (other "
            "templates, more samples); if none helps, the model may lack the knowledge to refuse."
            if harmful
            else "Benign rows keep the reasoning alive, and too few are left. Look at their leading reason: a guard "
            "that calls harmless text unsafe, or answers longer than spec.generation.maxTokens.",
        )


def _cause(reason: str) -> str:
    """The signature that a leading reason belongs to, "" if it is none's alone."""
    for reasons, code in ((UNREAD, "guard-unreadable"), (MISSHAPEN, "broken-format"), (RAN_AWAY, "runaway-thinking")):
        if reason in reasons:
            return code
    return "strict-filter" if reason == "unsafe" else ""
