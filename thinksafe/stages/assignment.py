"""What one worker is to do, as its parent process tells it to the process that does it."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from thinksafe.spec import Storage

# The steps of evaluate hold different models; each is a process of its own (stages/evaluate.py). So are those of a
# filter with a quorum, one a guard.
STEPS = {"evaluate": ("answer", "score")}
PROBE_STEPS = ("probe", "judge-probe")  # before the first generate, where the steering template is to be chosen
RUNG = "-"


@dataclass(frozen=True)
class Assignment:
    """Worker `index` of `count` of a stage. `step` is one of the stage's steps, "" where it has only one."""

    file: Path
    storage: Storage
    stage: str
    uid: str
    index: int = 0
    count: int = 1
    step: str = ""

    @property
    def base(self) -> str:
        """The stage without its rung of the ladder."""
        return self.stage.partition(RUNG)[0]

    @property
    def rung(self) -> int:
        """The rung of the ladder, from 1."""
        rung = self.stage.partition(RUNG)[2]
        return int(rung) if rung.isdigit() else 1

    def steps(self, further_guards: Iterable[str] = (), *, probes: bool = False) -> "list[Assignment]":
        """The steps of the stage, in their order.

        `further_guards`: the roles of those beside spec.guard. `probes`: the first steering template is to be chosen.
        """
        if probes and self.probes_here:
            return [self.at(step) for step in (*PROBE_STEPS, "")]
        if self.base == "filter" and (further := list(further_guards)):
            return [self.at(role) for role in ("guard", *further)]
        return [self.at(step) for step in STEPS.get(self.base, ("",))]

    @property
    def probes_here(self) -> bool:
        """Whether this is the stage that chooses a steering template, if one is to be chosen."""
        return self.base == "generate" and self.rung == 1

    def at(self, step: str) -> "Assignment":
        """The same stage, at one of its steps."""
        return replace(self, step=step)

    def to_json(self) -> str:
        """All of it, for a command line. Credentials are no part of a Storage."""
        return json.dumps({**asdict(self), "file": str(self.file), "storage": self.storage.model_dump(mode="json")})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "file": Path(told["file"]), "storage": Storage.model_validate(told["storage"])})
