"""Manifests on which a machine and a cluster must agree: unit/test_manifests.py and api/test_manifests.py use them.

A bad one says in its first line which field the message must name. A file that only one of the two can judge says so
in its second line: `only thinksafe validate` or `only the API server`, and why.
"""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_EXAMPLES = _HERE.parents[1] / "examples"
GOOD = sorted([*(_HERE / "good").glob("*.yaml"), *_EXAMPLES.rglob("run.yaml"), *(_EXAMPLES / "paper").glob("*.yaml")])
GOOD_EXPERIMENTS = sorted([*(_HERE / "experiments/good").glob("*.yaml"), *_EXAMPLES.rglob("experiments/*.yaml")])


@dataclass(frozen=True)
class Bad:
    """A manifest that must be refused with a message that names `field`."""

    path: Path
    field: str
    note: str

    @property
    def id(self) -> str:
        return self.path.stem


def bad(*, but: str, of: str = "bad") -> list[Bad]:
    """All bad manifests but those that only the other judge can refuse. `of`: bad or experiments/bad."""
    found = []
    for path in sorted((_HERE / of).glob("*.yaml")):
        first, second = path.read_text().splitlines()[:2]
        note = second.removeprefix("# ") if second.startswith("#") else ""
        if not note.startswith(but):
            found.append(Bad(path, first.removeprefix("# "), note))
    return found
