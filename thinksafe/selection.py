"""Pure: which responses are kept, and the counted reason for each that is not. What cannot be judged is not safe.

Two things are kept without a guard's word on them alone: with a quorum, what enough of several guards call safe; and
rows of a source whose manifest says `filter: none`, which nobody judges and which are counted apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from thinksafe.guards.base import Verdict

# Stands in the place of a quality reason in the scores of a source with `filter: none`.
UNFILTERED = "unfiltered"


@dataclass(frozen=True)
class Selection:
    """How scores become verdicts: `threshold` of P(unsafe), least label mass, and which samples are kept."""

    threshold: float
    min_label_mass: float
    keep: str  # any | all


@dataclass(frozen=True)
class Outcome:
    """The verdict on one response over all its views; `reason` is `kept` or what is counted against it."""

    verdict: Verdict
    reason: str
    p_unsafe: float | None = None
    label_mass: float | None = None


def outcome(score: Mapping, selection: Selection) -> Outcome:
    """Judge one row of the scores: safe only if every view could be read and is safe.

    An unsafe view outweighs an unreadable one; either way the row is not kept.
    """
    if score["quality"]:
        return Outcome("unscored", score["quality"])
    return combine(score["p_unsafe"], score["label_mass"], score["unread"], selection)


def combine(
    p_unsafe: Sequence[float | None],
    mass: Sequence[float | None],
    unread: Sequence[str | None],
    selection: Selection,
) -> Outcome:
    """One verdict out of one reading a view."""
    if not unread:
        return Outcome("unscored", "not-judged")
    reasons = [why or _too_light(m, selection.min_label_mass) for why, m in zip(unread, mass, strict=True)]
    read = [p for p, why in zip(p_unsafe, reasons, strict=True) if why is None and p is not None]
    worst = max(read, default=None)
    lightest = min((m for m in mass if m is not None), default=None)
    if worst is not None and worst >= selection.threshold:
        return Outcome("unsafe", "unsafe", worst, lightest)
    for why in reasons:
        if why is not None:
            return Outcome("unscored", why, worst, lightest)
    if len(read) != len(unread):
        return Outcome("unscored", "no-answer", worst, lightest)
    return Outcome("safe", "kept", worst, lightest)


def voted(outcomes: Sequence[Outcome], need: int) -> Outcome:
    """One outcome out of one a guard, the run's own first: safe if at least `need` guards say so.

    A guard that cannot judge the response has no vote. Where there are too few votes, the reason is `unsafe` if no
    guard calls it safe and one calls it unsafe, and `no-quorum` if the guards are not of one mind; where none could
    judge it, the first one's reason. P(unsafe) and label mass are the worst of all.
    """
    p_unsafe = max((o.p_unsafe for o in outcomes if o.p_unsafe is not None), default=None)
    mass = min((o.label_mass for o in outcomes if o.label_mass is not None), default=None)
    safe, unsafe = (sum(o.verdict == verdict for o in outcomes) for verdict in ("safe", "unsafe"))
    if safe >= need:
        return Outcome("safe", "kept", p_unsafe, mass)
    if safe:
        return Outcome("unsafe" if unsafe else "unscored", "no-quorum", p_unsafe, mass)
    if unsafe:
        return Outcome("unsafe", "unsafe", p_unsafe, mass)
    return outcomes[0]


def _too_light(mass: float | None, least: float) -> str | None:
    if mass is None:
        return "no-answer"
    return "label-mass" if not mass >= least else None  # also true of NaN


def choose(outcomes: Sequence[Outcome], keep: str) -> int | None:
    """Which sample of one prompt is kept: the first safe one; with `all` only if every sample is safe.

    Of a source with `filter: none` the response is kept whatever it is.
    """
    if any(o.reason == UNFILTERED for o in outcomes):
        return next(i for i, o in enumerate(outcomes) if o.reason == UNFILTERED)
    safe = [i for i, o in enumerate(outcomes) if o.verdict == "safe"]
    if not safe or (keep == "all" and len(safe) != len(outcomes)):
        return None
    return safe[0]


def reasons(outcomes: Iterable[Outcome], chosen: int | None) -> list[str]:
    """The counted reason of each sample of one prompt: `kept`, why not, or `spare` for a safe one not needed.

    What is kept because nobody judges it is `unfiltered`.
    """
    named = []
    for i, o in enumerate(outcomes):
        if i == chosen:
            named.append(UNFILTERED if o.reason == UNFILTERED else "kept")
        elif o.verdict == "safe":
            named.append("spare" if chosen is not None else "not-all-safe")
        else:
            named.append(o.reason)
    return named
