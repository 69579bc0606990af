"""`make chart`: write the chart's README from its values and lint the chart."""

import subprocess

from cluster.binaries import binary
from cluster.helm import CHART, helm

README = CHART / "README.md"


def readme() -> str:
    """What README.md is to say, as helm-docs makes it of values.yaml and README.md.gotmpl."""
    where = [f"--chart-search-root={CHART}", "--sort-values-order=file", "--log-level=warning", "--dry-run"]
    done = subprocess.run([binary("helm-docs"), *where], capture_output=True, text=True)
    if done.returncode or done.stderr:  # it says what is wrong in its log, and ends with 0
        raise RuntimeError(f"helm-docs: {done.stderr.strip()}")
    return done.stdout.rstrip() + "\n"


if __name__ == "__main__":
    README.write_text(readme(), encoding="utf-8")
    print(helm("lint", "--strict", CHART).strip())
