"""The `kubectl_complete-thinksafe` command: what may come next on the command line, for kubectl's own completion."""

import sys

from thinksafe.errors import ThinkSafeError
from thinksafe.plugin import flags, runs
from thinksafe.plugin.kubectl import RUNS, Kubectl

VERBS = {"status": 1, "logs": 1, "report": 1, "compare": 2, "retry": 1, "version": 0}  # with how many runs they take
_NO_FILES = ":4"  # how cobra is told that nothing else fits


def completions(arguments: list[str]) -> list[str]:
    """What may stand for the last argument; that it begins as it does is kubectl's to check."""
    theirs, ours = flags.split(arguments[:-1])
    words = [word for word in ours if not word.startswith("-")]
    if not words:
        return list(VERBS)
    verb, given = words[0], words[1:]
    if len(given) < VERBS.get(verb, 0):
        names = Kubectl(theirs).text("get", RUNS, "-o", "name").split()
        return [name.rpartition("/")[2] for name in names if name.rpartition("/")[2] not in given]
    if verb == "logs" and len(given) == 1:
        return [stage["name"] for stage in runs.stages(Kubectl(theirs).run(given[0])) if stage.get("attempt")]
    return []


def main() -> None:
    """Print the completions as kubectl wants them. A completion that fails says nothing."""
    try:
        found = completions(sys.argv[1:])
    except ThinkSafeError:
        found = []
    print("\n".join([*found, _NO_FILES]))
