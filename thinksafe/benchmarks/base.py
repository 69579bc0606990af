"""What a benchmark is: its problems, how a model is asked, and how an answer is scored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["harmful", "refusal", "accuracy"]


@dataclass(frozen=True)
class Problem:
    """One row of a benchmark. `prompt` is the whole user turn; `gold` is None where a judge decides."""

    id: str
    prompt: str
    gold: str | None = None
    category: str | None = None


@dataclass(frozen=True)
class Score:
    """1.0 or 0.0 by metric name, or None with the reason why it could not be scored."""

    values: Mapping[str, float] | None
    reason: str = ""


Scorer = Callable[[Problem, str], Score]


@dataclass(frozen=True)
class Benchmark:
    """A benchmark. `harmful` is judged by the guard; `refusal` and `accuracy` by `scorer` (problem, full text).

    `read` turns the rows of the source's file into problems. `source` is pinned by `revision`.
    """

    name: str
    kind: Kind
    source: str
    revision: str | None
    split: str
    licence: str
    unit: str
    read: Callable[[list[dict[str, object]]], list[Problem]]
    metrics: tuple[str, ...]
    scorer: Scorer | None = None
    rows: int | None = None
    notes: str = field(default="")
    # A scorer that does algebra can run for ever: it is run in processes that can be ended (pool.py).
    can_hang: bool = False
