"""Write what is generated from the models: `python -m thinksafe.crd [folder of the repository]`."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from thinksafe.crd import definition
from thinksafe.crd.kinds import EXPERIMENT, KINDS, RUN, Kind
from thinksafe.crd.reference import reference


def _definition(kind: Kind) -> str:
    return definition.to_yaml(definition.definition(kind))


# The chart has a copy: Helm reads no file outside of its folder.
FILES: dict[str, Callable[[], str]] = {
    f"{folder}/{definition.GROUP}_{kind.plural}.yaml": partial(_definition, kind)
    for kind in KINDS
    for folder in ("crds", "charts/thinksafe/files/crds")
}
FILES |= {
    "docs/manifest.md": partial(reference, RUN),
    "docs/manifest-experiment.md": partial(reference, EXPERIMENT),
}


def main(root: Path) -> None:
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
