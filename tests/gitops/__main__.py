"""Write the recorded runs, and the settings of Argo CD that hold its Lua."""

from gitops.files import RECORDED, SETTINGS, as_yaml, settings
from gitops.stories import recorded


def main() -> None:
    RECORDED.mkdir(exist_ok=True)
    stories = recorded()
    for old in RECORDED.glob("*.yaml"):
        if old.stem not in stories:
            old.unlink()
    for name, run in stories.items():
        (RECORDED / f"{name}.yaml").write_text(as_yaml(run))
    SETTINGS.write_text(settings())


main()
