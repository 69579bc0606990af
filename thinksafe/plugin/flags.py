"""kubectl's own flags, wherever they stand among ours: they are handed on to every kubectl that is called. Pure."""

from collections.abc import Sequence

from thinksafe.errors import UsageError

WITH_VALUE = frozenset({
    "--as", "--as-group", "--as-uid", "--cache-dir", "--certificate-authority", "--client-certificate", "--client-key",
    "--cluster", "--context", "--kubeconfig", "--namespace", "--request-timeout", "--server", "--tls-server-name",
    "--token", "--user",
})  # fmt: skip
ALONE = frozenset({"--insecure-skip-tls-verify"})
SHORT = {"-n": "--namespace", "-s": "--server"}


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """kubectl's flags, each as `--name=value`, and what is left for us. UsageError if a value is missing."""
    theirs, ours = list[str](), list[str]()
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            return theirs, [*ours, argument, *waiting]
        name, given, value = argument.partition("=")
        if argument[:2] in SHORT and not argument.startswith("--"):
            name, value = SHORT[argument[:2]], argument[2:].removeprefix("=")
            given = value
        if name in WITH_VALUE:
            theirs.append(f"{name}={value if given else _value(name, waiting)}")
        elif name in ALONE:
            theirs.append(argument)
        else:
            ours.append(argument)
    return theirs, ours


def _value(name: str, waiting) -> str:
    value = next(waiting, None)
    if value is None:
        raise UsageError(f"{name} needs a value")
    return value
