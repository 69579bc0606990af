"""A run as the API server has it (JSON), asked for what a person wants to know. Pure.

Nothing is taken for granted but that it is an object with a name: the operator may not have looked at it yet, and a
newer one may say more.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Run = Mapping  # the whole object: metadata, spec, status
Stage = Mapping  # one entry of status.stages

ENDED = ("Succeeded", "GateFailed", "Failed")
DONE = ("Succeeded", "Cached")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def printable(value: Any) -> Any:
    """The same JSON without control characters: whoever may write a run could else write to a reader's terminal."""
    if isinstance(value, str):
        return _CONTROL.sub("�", value)
    if isinstance(value, list):
        return [printable(item) for item in value]
    if isinstance(value, dict):
        return {printable(key): printable(item) for key, item in value.items()}
    return value


def name(run: Run) -> str:
    return run["metadata"]["name"]


def namespace(run: Run) -> str:
    return run["metadata"].get("namespace", "default")


def status(run: Run) -> Mapping:
    return run.get("status") or {}


def phase(run: Run) -> str:
    """Pending, too, where the operator has said nothing yet."""
    return status(run).get("phase") or "Pending"


def has_ended(run: Run) -> bool:
    return phase(run) in ENDED


def stages(run: Run) -> list[Stage]:
    return status(run).get("stages") or []


def stage(run: Run, wanted: str) -> Stage | None:
    return next((s for s in stages(run) if s["name"] == wanted), None)


def condition(run: Run, kind: str) -> Mapping:
    """A condition by its type; empty if there is none."""
    return next((c for c in status(run).get("conditions") or () if c["type"] == kind), {})


def reason(run: Run) -> str:
    """Why it is as it is, in the one word that docs and dashboards use."""
    return condition(run, "Ready").get("reason", "")


def needs_someone(run: Run) -> bool:
    """Whether it waits for a person, and not only for time."""
    return condition(run, "Stalled").get("status") == "True"


def unix(time: str | None) -> float | None:
    """A time of the API (2026-01-01T00:00:00Z) as Unix seconds."""
    return datetime.fromisoformat(time).timestamp() if time else None


def lasted(part: Mapping, now: float) -> float | None:
    """Seconds from the start of a run or stage to its end, or until now; None if it has not started."""
    start = unix(part.get("startTime"))
    if start is None:
        return None
    return max(0.0, (unix(part.get("completionTime")) or now) - start)


def age(run: Run, now: float) -> float | None:
    """Seconds since it was made."""
    made = unix(run["metadata"].get("creationTimestamp"))
    return None if made is None else max(0.0, now - made)


def gpu_seconds(run: Run) -> float | None:
    """How long its stages held accelerators, all together; None if none has told."""
    told = [s["gpuSeconds"] for s in stages(run) if s.get("gpuSeconds") is not None]
    return sum(told) if told else None


def tokens(run: Run) -> int | None:
    told = [s["tokens"] for s in stages(run) if s.get("tokens") is not None]
    return sum(told) if told else None
