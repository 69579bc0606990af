"""The conditions of a run, in the shape of metav1.Condition and by the rules of kstatus. Pure.

They are derived anew from the facts at every pass; of the old ones only the time of the last change is kept. So they
cannot contradict each other, and a pass over an unchanged world writes the same conditions again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from thinksafe.status import MAX_MESSAGE

_ENDS = ("Complete", "Failed")


@dataclass(frozen=True)
class Condition:
    """What a condition should say now: `status` is True, False or, for None, Unknown."""

    type: str
    status: bool | None
    reason: str
    message: str = ""


def merged(old: Iterable[Mapping], wanted: Iterable[Condition], *, generation: int, time: str) -> list[dict]:
    """The wanted conditions in their order, as the API has them; lastTransitionTime moves only with the status."""
    before = {c["type"]: c for c in old}
    return [_one(before.get(c.type), c, generation, time) for c in wanted]


def status_of(conditions: Iterable[Mapping] | None, kind: str) -> str:
    """True, False or Unknown: the status of a condition; Unknown if there is none."""
    return next((c["status"] for c in conditions or () if c["type"] == kind), "Unknown")


def find(conditions: Iterable[Mapping] | None, kind: str) -> Mapping:
    """A condition by its type (never by its place); empty if there is none."""
    return next((c for c in conditions or () if c["type"] == kind), {})


def ended(conditions: Iterable[Mapping] | None) -> bool:
    """Whether the run has come to its end, which is for good."""
    known = list(conditions or ())
    return any(status_of(known, kind) == "True" for kind in _ENDS)


def cut(text: str, limit: int = MAX_MESSAGE) -> str:
    """One line of at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _one(before: Mapping | None, wanted: Condition, generation: int, time: str) -> dict:
    status = {True: "True", False: "False", None: "Unknown"}[wanted.status]
    same = before is not None and before["status"] == status
    return {
        "type": wanted.type,
        "status": status,
        "observedGeneration": generation,
        "lastTransitionTime": before["lastTransitionTime"] if same and before else time,
        "reason": str(wanted.reason),
        "message": cut(wanted.message),
    }
