"""Processes: none is left over, none stays a zombie, none outlives its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="process trees are read from /proc")

# A child that starts a process in a session of its own and leaves it behind, as an engine that crashes does.
LEAVE_BEHIND = """
import subprocess, sys
quiet = subprocess.DEVNULL
print(subprocess.Popen(["sleep", "600"], start_new_session=True, stdout=quiet, stderr=quiet).pid, flush=True)
"""
ADOPT = f"""
import subprocess, sys
from thinksafe.stages import processes
processes.adopt_orphans()
for i in range(2):
    out = subprocess.run([sys.executable, "-c", {LEAVE_BEHIND!r}], capture_output=True, text=True).stdout
    orphan = int(out)
    assert orphan in processes.descendants(), "not adopted"
    if i:
        import os, time
        os.kill(orphan, 9)
        time.sleep(0.3)
        processes.bury_orphans(set())
    else:
        processes.end_all()
    assert not processes.descendants(), "left over"
print("none")
"""
STEP = """
import os, sys, time
from thinksafe.stages import processes
processes.die_with_parent(int(sys.argv[1]))
print(os.getpid(), flush=True)
time.sleep(600)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def gone(pid: int) -> bool:
    until = time.monotonic() + 10
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not alive(pid)


def test_what_a_crashed_step_left_behind_is_ended_and_buried():
    done = subprocess.run([sys.executable, "-c", ADOPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "none", done.stderr[-500:]


def test_a_step_ends_when_its_parent_is_killed():
    start = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {STEP!r}, str(os.getpid())])"
    parent = subprocess.Popen([sys.executable, "-c", start], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    step = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert gone(step)


def test_a_step_whose_parent_is_gone_already_does_not_begin():
    command = [sys.executable, "-c", STEP, str(os.getpid() + 1)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 137 and not done.stdout
