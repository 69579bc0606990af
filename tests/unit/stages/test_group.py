"""Who trains together, and how the loss of a pod is noticed."""

import socket
import time

import pytest

from thinksafe.errors import UsageError
from thinksafe.spec import Storage
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.group import Group
from thinksafe.stages.link import Link


def task(index=0, count=1, stage="train", step=""):
    return Assignment(__file__, Storage(uri="file:///x"), stage, "u", index, count, step)  # type: ignore[arg-type]


def test_one_process_is_no_group_and_no_other_stage_has_one():
    assert Group.of(task(), {}) is None
    assert Group.of(task(stage="generate", count=4), {"THINKSAFE_PROCESSES": "8"}) is None
    assert Group.of(task(step="fetch"), {"THINKSAFE_PROCESSES": "8"}) is None


def test_every_process_of_every_pod_has_a_rank_of_its_own():
    env = {"THINKSAFE_PROCESSES": "4", "MASTER_ADDR": "job-0.job", "KEPT": "1"}
    groups = [Group.of(task(index, 3), env) for index in range(3)]
    made = [e for g in groups if g for e in g.environments(env)]
    assert [e["RANK"] for e in made] == [str(r) for r in range(12)]
    assert [e["LOCAL_RANK"] for e in made] == [str(r) for r in [0, 1, 2, 3] * 3]
    assert {(e["WORLD_SIZE"], e["MASTER_ADDR"], e["MASTER_PORT"], e["KEPT"]) for e in made} == {
        ("12", "job-0.job", "29500", "1")
    }


def test_several_pods_need_a_place_to_meet():
    with pytest.raises(UsageError, match="MASTER_ADDR"):
        Group.of(task(0, 2), {})
    with pytest.raises(UsageError, match="THINKSAFE_PROCESSES"):
        Group.of(task(), {"THINKSAFE_PROCESSES": "two"})


@pytest.fixture
def links():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1] - 1
    made = [Link(Group(1, 3, pod, "127.0.0.1", port), "u") for pod in range(3)]
    assert soon(lambda: all(link.ready for link in made))
    yield made, port
    for link in made:
        link.leave(done=True)


def soon(happens, seconds=5.0):
    until = time.monotonic() + seconds
    while not happens() and time.monotonic() < until:
        time.sleep(0.02)
    return happens()


def test_a_pod_that_leaves_with_a_goodbye_breaks_nothing(links):
    (first, second, third), _ = links
    second.leave(done=True)
    time.sleep(2.5)
    assert not first.broken and not third.broken


def test_a_lost_pod_is_noticed_and_its_loss_reaches_all_when_pod_0_ends(links):
    (first, second, third), _ = links
    time.sleep(0.2)
    third.leave(done=False)
    assert soon(lambda: first.broken) and "pod 2" in first.broken and not second.broken
    first.leave(done=False)
    assert soon(lambda: second.broken) and "pod 0" in second.broken


def test_a_stranger_that_calls_is_ignored(links):
    (first, *_), port = links
    with socket.create_connection(("127.0.0.1", port + 1)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
    time.sleep(1)
    assert not first.broken
