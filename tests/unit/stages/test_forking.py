"""Steps that are forks of their worker are as those that are started anew: their environment, signals and ends."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from thinksafe.stages import forking

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker's processes are Linux's")


def ended(child: forking.Forked) -> int | None:
    until = time.monotonic() + 10
    while child.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    return child.returncode


def test_its_exit_code_is_told_once_it_has_ended():
    reads, writes = os.pipe()
    child = forking.Forked("step:x", lambda: os._exit(os.read(reads, 1)[0]), {})
    assert child.poll() is None
    os.write(writes, b"\x07")
    assert ended(child) == 7 and child.poll() == 7


@pytest.mark.parametrize(("how", "code"), [("terminate", -signal.SIGTERM), ("kill", -signal.SIGKILL)])
def test_it_can_be_ended_also_when_its_worker_ignores_the_signal(how, code):
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        reads, writes = os.pipe()
        child = forking.Forked("step:x", lambda: (os.write(writes, b"x"), time.sleep(60)), {})
        os.read(reads, 1)  # it is past its beginning
        getattr(child, how)()
        assert ended(child) == code
        getattr(child, how)()  # of a process that has ended nothing is asked
    finally:
        signal.signal(signal.SIGTERM, before)


def test_it_is_listed_by_its_name():
    reads, writes = os.pipe()
    child = forking.Forked("step:x", lambda: os.write(writes, Path("/proc/self/comm").read_bytes()), {})
    assert ended(child) == 1 and os.read(reads, 99) == b"step:x\n"


def test_it_has_the_environment_that_it_was_given_and_no_input(monkeypatch):
    monkeypatch.setenv("ONLY_ITS_WORKERS", "x")

    def what():
        alone = set(os.environ) == {"GIVEN"} and os.environ["GIVEN"] == "1" and os.read(0, 1) == b""
        os._exit(3 if alone else 4)

    assert ended(forking.Forked("step:x", what, {"GIVEN": "1"})) == 3


def test_what_is_raised_in_it_or_returned_ends_it_and_does_not_come_back(capfd):
    def fails():
        raise KeyError("of the step")

    assert ended(forking.Forked("step:x", fails, {})) == 1 and "KeyError" in capfd.readouterr().err
    assert ended(forking.Forked("step:x", lambda: None, {})) == 1  # a step leaves by itself, with its own code


def test_a_step_that_brings_something_from_the_hub_is_never_a_fork(monkeypatch):
    offline = {"HF_HUB_OFFLINE": "1"}
    assert not forking.possible(offline), "nothing was loaded"
    monkeypatch.setattr(forking, "_loaded", True)
    assert forking.possible(offline) and not forking.possible({}) and not forking.possible({"HF_HUB_OFFLINE": "0"})
