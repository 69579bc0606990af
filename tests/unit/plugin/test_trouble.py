"""kubectl's failures become one line with what to do, and the exit code of their kind."""

import pytest

from thinksafe.plugin.trouble import begins_failure, explained, is_log

NO_KIND = "error: the server doesn't have a resource type \"thinksaferuns\"\n"
NO_RUN = 'Error from server (NotFound): thinksaferuns.thinksafe.dev "x" not found\n'
FORBIDDEN = (
    'Error from server (Forbidden): thinksaferuns.thinksafe.dev is forbidden: User "me" cannot list resource '
    '"thinksaferuns" in API group "thinksafe.dev" in the namespace "lab"\n'
)
REFUSED = (
    "E1124 16:03:11.123456   12345 memcache.go:265] couldn't get current server API group list\n"
    "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
)
INVALID = (
    'The ThinkSafeRun "x" is invalid: \n* spec.seed: Invalid value: -1: spec.seed in body should be greater\n'
    "* spec.model: Required value\n"
)


@pytest.mark.parametrize(
    ("stderr", "code", "words"),
    [
        (NO_KIND, 64, ("install the operator", "--context")),
        (NO_RUN, 64, ('"x" not found', "kubectl thinksafe status", "-n NAMESPACE")),
        (FORBIDDEN, 77, ('User "me" cannot list', "administrator")),
        ("error: You must be logged in to the server (Unauthorized)\n", 77, ("logged in", "Log in")),
        (REFUSED, 75, ("127.0.0.1:1 was refused", "right --context")),
        ("Unable to connect to the server: dial tcp: lookup x: no such host\n", 75, ("no such host",)),
        ("error: unable to decode an event from the watch stream: http2: client connection lost\n", 75, ("lost",)),
        ("Unable to connect to the server: context deadline exceeded\n", 75, ("deadline",)),
        ('error: context "nope" does not exist\n', 64, ("nope", "KUBECONFIG")),
        ("Error in configuration: context was not found for specified context: nope\n", 64, ("nope", "KUBECONFIG")),
        (INVALID, 1, ("spec.seed", "spec.model: Required")),
        ("", 1, ("exit code 1",)),
    ],
)  # fmt: skip
def test_what_went_wrong_and_what_to_do(stderr: str, code: int, words: tuple[str, ...]) -> None:
    error = explained(stderr, 1)
    assert error.code == code
    assert "\n" not in error.line() and "E1124" not in error.line()
    for word in words:
        assert word in error.line()


def test_what_a_log_in_asks_for_is_no_failure() -> None:
    asked = "To sign in, use a web browser to open the page https://login.example/device\n"
    assert not begins_failure(asked) and not is_log(asked)
    assert begins_failure("error: You must be logged in to the server (Unauthorized)\n")
    assert begins_failure(INVALID) and is_log(REFUSED)
