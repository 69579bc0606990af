"""Where one machine's workers come from: they are started, heard of, ended, and never left behind."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import yaml

from thinksafe.spec import Storage
from thinksafe.stages import forking
from thinksafe.stages import nursery as nursery_process
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.nursery import Nursery, Worker

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a worker's processes are Linux's")
MANIFEST = {
    "apiVersion": "thinksafe.dev/v1alpha1",
    "kind": "ThinkSafeRun",
    "metadata": {"name": "a"},
    "spec": {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]},
}
DOWN = Storage(uri="s3://bucket/x", endpoint="http://127.0.0.1:9", region="us-east-1")
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


@pytest.fixture
def nursery():
    with Nursery() as made:
        yield made


def start(nursery: Nursery, folder: Path, storage: Storage | None = None, **env: str) -> Worker:
    """A worker of a run that was never prepared: with a store it ends at once, with one that is down it waits."""
    file, words = folder / "a.yaml", folder / "words"
    file.write_text(yaml.safe_dump(MANIFEST))
    words.touch()
    task = Assignment(file, storage or Storage(uri=f"file://{folder}/store"), "generate", "u")
    return nursery.start(task, folder / "log", {"THINKSAFE_TERMINATION_LOG": str(words), **KEYS, **env}, heavy=False)


def ended(worker: Worker) -> int | None:
    until = time.monotonic() + 30
    while worker.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    return worker.returncode


def family() -> list[psutil.Process]:
    """The process that workers come from, and all below it. Other tests of this session have their own."""
    living = [p for p in psutil.Process().children() if p.status() != psutil.STATUS_ZOMBIE]
    mine = [p for p in living if "thinksafe.stages.nursery" in p.cmdline()]
    return mine + [below for process in mine for below in process.children(recursive=True)]


def at_work() -> list[psutil.Process]:
    """The nursery, its worker, and the worker's step, once there are all."""
    until = time.monotonic() + 30
    while len(found := family()) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all have ended within half a minute, be they buried or not: that is for whoever adopted them."""
    until = time.monotonic() + 30
    while left := [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return not left


def test_one_after_another_they_end_with_their_own_codes_and_words(nursery, tmp_path):
    assert ended(start(nursery, tmp_path)) == 65
    first = json.loads((tmp_path / "words").read_text())
    (process,) = family()
    assert ended(start(nursery, tmp_path, JOB_COMPLETION_INDEX="0")) == 65
    assert json.loads((tmp_path / "words").read_text()) == first and first["stage"] == "generate"
    assert family() == [process], "both came from one process, and nothing else is left"
    assert "thinksafe-progress" in (tmp_path / "log").read_text()


def test_one_that_is_ended_was_asked_and_told_its_last_words(nursery, tmp_path):
    worker = start(nursery, tmp_path, DOWN)
    at_work()
    worker.end()
    assert worker.returncode == 143
    assert json.loads((tmp_path / "words").read_text())["reason"] == "Interrupted"


def test_once_the_block_is_left_nothing_is_left(tmp_path):
    with Nursery() as nursery:
        start(nursery, tmp_path, DOWN)
        left = at_work()
    assert gone(left)


def test_where_it_is_killed_the_worker_goes_too_and_the_next_one_is_started_all_the_same(nursery, tmp_path):
    worker = start(nursery, tmp_path, DOWN)
    found = at_work()
    os.kill(found[0].pid, signal.SIGKILL)
    assert ended(worker) == -signal.SIGKILL
    assert gone(found)
    assert ended(start(nursery, tmp_path)) == 65


def test_with_an_accelerator_no_step_is_a_fork(monkeypatch):
    accelerator = SimpleNamespace(is_available=lambda: True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(accelerator=accelerator))
    monkeypatch.setattr(forking, "_loaded", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    nursery_process._load()
    assert not forking.possible(os.environ)


def test_what_a_worker_cannot_even_begin_with_is_in_its_log(nursery, tmp_path):
    broken = start(nursery, tmp_path, THINKSAFE_TERMINATION_LOG=str(tmp_path / "no" / "folder"), HOME="")
    assert ended(broken) not in (None, 0)
    assert (tmp_path / "log").read_text()
