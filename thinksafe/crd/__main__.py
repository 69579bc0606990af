"""Write what is generated from the models: `python -m thinksafe.crd [folder of the repository]`."""

import sys
from pathlib import Path

from thinksafe.crd import definition
from thinksafe.crd.reference import reference

FILES = {
    f"crds/{definition.GROUP}_{definition.PLURAL}.yaml": lambda: definition.to_yaml(definition.definition()),
    "docs/manifest.md": reference,
}


def main(root: Path) -> None:
    for name, text in FILES.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
