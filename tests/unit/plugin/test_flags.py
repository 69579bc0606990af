"""kubectl's own flags are found wherever they stand, in every way of writing them."""

import pytest

from thinksafe.errors import UsageError
from thinksafe.plugin.flags import split


@pytest.mark.parametrize(
    "written",
    ["-n lab status x", "status -n lab x", "status x -n lab", "status x -nlab", "status x -n=lab",
     "status x --namespace lab", "status x --namespace=lab"],
)  # fmt: skip
def test_the_namespace_in_every_way(written: str) -> None:
    assert split(written.split()) == (["--namespace=lab"], ["status", "x"])


def test_others_are_handed_on_in_their_order_and_ours_are_left() -> None:
    line = "logs x --context prod -f --as=me --insecure-skip-tls-verify --tail 5 --kubeconfig /k"
    theirs, ours = split(line.split())
    assert theirs == ["--context=prod", "--as=me", "--insecure-skip-tls-verify", "--kubeconfig=/k"]
    assert ours == ["logs", "x", "-f", "--tail", "5"]


def test_a_value_may_be_empty_or_hold_an_equals_sign() -> None:
    assert split(["--namespace=", "--token=a=b"]) == (["--namespace=", "--token=a=b"], [])


def test_nothing_is_looked_for_behind_two_dashes() -> None:
    assert split(["logs", "--", "-n", "lab"]) == ([], ["logs", "--", "-n", "lab"])


def test_a_missing_value_is_told() -> None:
    with pytest.raises(UsageError, match="--namespace needs a value"):
        split(["status", "-n"])
