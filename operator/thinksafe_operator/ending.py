"""What is left to do about an object that has come to its end, of whatever kind. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from thinksafe_operator.parse import unix


@dataclass(frozen=True)
class Ending:
    """The status to write, whether the object's time is over, and seconds until then if that is still to come."""

    status: dict
    over: bool = False
    wake: float | None = None


def after_the_end(status: Mapping, generation: int, spec: Mapping, now: float) -> Ending:
    """The outcome is for good: only the generation that is told of moves, and the time to live runs out."""
    told = [{**c, "observedGeneration": generation} for c in status["conditions"]]
    kept = {**status, "observedGeneration": generation, "conditions": told}
    ttl, ended = spec.get("ttlSecondsAfterFinished"), status.get("completionTime")
    if not isinstance(ttl, int) or not ended:
        return Ending(kept)
    left = unix(ended) + ttl - now
    return Ending(kept, over=True) if left <= 0 else Ending(kept, wake=max(1.0, left))
