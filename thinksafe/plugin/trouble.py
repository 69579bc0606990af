"""What kubectl says when it fails, as one of our errors. Pure."""

import re

from thinksafe.errors import AccessError, TemporaryError, ThinkSafeError, UsageError

_OWN = re.compile(
    r"^(error:|Error from server|Error in configuration|The connection |The \S+ \".*\" is invalid|Unable to connect"
    r"|Get \")", re.I
)  # fmt: skip
_LOG = re.compile(r"^[EWI]\d{4} |^Warning:")  # kubectl's own log, and warnings of the API server


class NotFound(ThinkSafeError):
    """There is no such object, or no such kind of object."""

    code = 64


def begins_failure(line: str) -> bool:
    """Whether kubectl tells that it failed, in this line and all that follow."""
    return bool(_OWN.match(line))


def is_log(line: str) -> bool:
    """Whether a line is of kubectl's own log, and not, say, what a log-in asks of the user."""
    return bool(_LOG.match(line))


def explained(stderr: str, code: int) -> ThinkSafeError:
    """What went wrong and what to do. kubectl's own words stay, for they are what a user can look for."""
    said = _gist(stderr) or f"kubectl ended with exit code {code}"
    for pattern, kind, hint in _KNOWN:
        if re.search(pattern, said):
            return kind(said, hint=hint)
    return ThinkSafeError(said)


def _gist(stderr: str) -> str:
    """The lines that tell the failure; all that is no log line, if none does."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    told = [i for i, line in enumerate(lines) if _OWN.match(line)]
    kept = lines[told[-1] :] if told else [line for line in lines if not _LOG.match(line)]
    return re.sub(r"^error: ", "", " ".join(kept), flags=re.I).rstrip(". ")


_KNOWN: tuple[tuple[str, type[ThinkSafeError], str], ...] = (
    (
        r"a resource type \"thinksaferuns|no matches for kind \"ThinkSafeRun|could not find the requested resource",
        NotFound,
        "This cluster does not know ThinkSafeRuns: install the operator (helm install thinksafe charts/thinksafe), "
        "or choose another --context",
    ),
    (
        r"\(NotFound\): thinksaferuns|thinksaferuns\S* \"[^\"]*\" not found",
        NotFound,
        "kubectl thinksafe status lists the runs of a namespace; -n NAMESPACE names another one",
    ),
    (r"NotFound", NotFound, ""),
    (r"\(Forbidden\)", AccessError, "Ask an administrator for the rights, or choose another --context"),
    (r"Unauthorized|must be logged in|getting credentials", AccessError, "Log in to the cluster again"),
    (
        r"connection to the server .* was refused|Unable to connect|connection refused|no such host|i/o timeout"
        r"|TLS handshake|ServiceUnavailable|\(Timeout\)|request timed out|deadline exceeded"
        r"|watch stream|connection lost|connection reset|EOF$",
        TemporaryError,
        "Is the cluster there, and is it the right --context?",
    ),
    (
        r"context was not found|context .*does not exist|no configuration has been provided|unknown flag"
        r"|invalid configuration|stat .*: no such file", UsageError, "Check KUBECONFIG, --kubeconfig and --context",
    ),
)
