"""Write what is generated from the models: `python -m thinksafe.crd [folder of the repository]`."""

import sys
from pathlib import Path

from thinksafe.crd import definition
from thinksafe.crd.reference import reference


def _definition() -> str:
    return definition.to_yaml(definition.definition())


_FILE = f"{definition.GROUP}_{definition.PLURAL}.yaml"
# The chart has a copy: Helm reads no file outside of its folder.
FILES = {
    f"crds/{_FILE}": _definition,
    f"charts/thinksafe/files/crds/{_FILE}": _definition,
    "docs/manifest.md": reference,
}


def main(root: Path) -> None:
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
