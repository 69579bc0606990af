"""kubectl for the commands of the pages: what would change the cluster is a dry run, in a namespace without runs.

    REAL=/path/to/kubectl NAMESPACE=with-runs EMPTY_NAMESPACE=without python kubectl.py ARGUMENTS
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


def main(arguments: list[str]) -> int:
    real, asked = os.environ["REAL"], verb(arguments)
    if asked == "thinksafe":  # it calls kubectl itself, and means what it says
        path = f"{Path(real).parent}:{os.environ['PATH']}"
        return subprocess.run([real, *arguments], env={**os.environ, "PATH": path}, check=False).returncode
    arguments = [a for a in arguments if a not in ("--watch", "-w", "-f", "--follow") or asked in ("apply", "create")]
    if asked not in DRY:
        return subprocess.run([real, *arguments], check=False).returncode
    runs, empty = os.environ["NAMESPACE"], os.environ["EMPTY_NAMESPACE"]
    if asked in ("apply", "create"):  # in the other one a run of this name may be there, with another spec
        arguments = [empty if a == runs else a for a in arguments]
        if "-n" not in arguments and "--namespace" not in arguments and "namespace" not in arguments:
            arguments = ["-n", empty, *arguments]
    done = subprocess.run([real, *arguments, "--dry-run=server"], capture_output=True, text=True, check=False)
    print(done.stdout, end="")
    print(done.stderr, end="", file=sys.stderr)
    return 0 if "AlreadyExists" in done.stderr else done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
