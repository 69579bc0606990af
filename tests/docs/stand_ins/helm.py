"""helm for the commands of the pages: what would change the cluster is rendered, or is a dry run.

REAL=/path/to/helm python helm.py ARGUMENTS
"""

import os
import sys

ONLY_OF_UPGRADE = ("--install", "-i", "--reuse-values", "--reset-values", "--reset-then-reuse-values")


def main(arguments: list[str]) -> None:
    real, asked = os.environ["REAL"], arguments[0]
    if asked in ("install", "upgrade"):
        arguments = ["template", *(a for a in arguments[1:] if a not in ONLY_OF_UPGRADE)]
    elif asked == "uninstall":
        arguments = [*arguments, "--dry-run"]
    elif asked == "rollback":  # to what was before there may be no way; tests/e2e/test_chart.py makes one and goes it
        arguments = ["status", *arguments[1:]]
    os.execv(real, [real, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
