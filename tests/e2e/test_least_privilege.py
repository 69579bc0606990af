"""What the operator called in all the tests before this one, against the role that the chart gives it.

That all of the role is needed can be judged only once the whole suite has run: a part of it is told as such. The same
is judged of one operator that is led through everything in tests/security/test_least_privilege.py, in a minute.
"""

from pathlib import Path

import pytest
from cluster.access import ClusterAccess
from cluster.audit import Right, called, denied, granted
from cluster.helm import template

HERE = Path(__file__).parent
# Asked for only by an operator whose predecessor ended between making the Service of a training and making its Job:
# tests/security leads it there on purpose.
RARE = {Right("", "services", "get")}


@pytest.fixture(scope="module")
def record(installed: ClusterAccess) -> dict[Right, set[int]]:
    """Every call of the operator since the cluster was made."""
    if installed.plane is None:
        pytest.skip("the log of an API server that is not ours cannot be read")
    return called(installed.plane.audit)


def whole_suite(session: pytest.Session) -> bool:
    """Whether every file of this folder is part of the session, and all before this one went well."""
    files = {item.path for item in session.items}
    return not session.testsfailed and all(file in files for file in HERE.glob("test_*.py"))


@pytest.mark.timeout(2400)
def test_nothing_was_called_that_is_not_granted(record: dict[Right, set[int]], installed: ClusterAccess):
    assert set(record) - granted(template()) == set()
    assert installed.plane is not None and denied(installed.plane.audit) == set()
    assert [right for right in record if right.resource.startswith("secrets")] == []


@pytest.mark.timeout(2400)
def test_nothing_is_granted_that_was_never_called(record: dict[Right, set[int]], request: pytest.FixtureRequest):
    if not whole_suite(request.session):
        pytest.skip("only a part of the suite has run: tests/security/test_least_privilege.py judges this by itself")
    assert granted(template()) - set(record) - RARE == set()
