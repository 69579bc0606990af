"""kubectl for the commands of the pages: what would change the cluster is a dry run, in a namespace without runs.

REAL=/path/to/kubectl EMPTY_NAMESPACE=name python kubectl.py ARGUMENTS
"""

import os
import subprocess
import sys
from pathlib import Path

DRY = ("apply", "create", "delete", "label", "annotate", "replace", "edit")
WITH_VALUE = ("-n", "--namespace", "--context", "--kubeconfig")


def verb(arguments: list[str]) -> str:
    rest = iter(arguments)
    for word in rest:
        if word in WITH_VALUE:
            next(rest, None)
        elif not word.startswith("-"):
            return word
    return ""


def elsewhere(arguments: list[str], namespace: str) -> list[str]:
    """The same command in another namespace."""
    if "namespace" in arguments:  # it makes one
        return arguments
    given = next((i for i, a in enumerate(arguments) if a in ("-n", "--namespace")), None)
    rest = arguments if given is None else [*arguments[:given], *arguments[given + 2 :]]
    return ["-n", namespace, *rest]


def main(arguments: list[str]) -> int:
    real, asked = os.environ["REAL"], verb(arguments)
    if asked == "thinksafe":  # it calls kubectl itself, and means what it says
        path = f"{Path(real).parent}:{os.environ['PATH']}"
        return subprocess.run([real, *arguments], env={**os.environ, "PATH": path}, check=False).returncode
    if asked in ("get", "logs"):  # a look is enough
        arguments = [a for a in arguments if a not in ("--watch", "-w", "-f", "--follow")]
    if asked not in DRY:
        return subprocess.run([real, *arguments], check=False).returncode
    if asked in ("apply", "create"):  # where the page does it there may be a run of this name, or no namespace at all
        arguments = elsewhere(arguments, os.environ["EMPTY_NAMESPACE"])
    done = subprocess.run([real, *arguments, "--dry-run=server"], capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return 0 if "AlreadyExists" in done.stderr else done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
