"""The tests' own node: what other tests take for granted, and that nothing is left of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cluster import packages, places, whole

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(packages.why_no_node()), reason=packages.why_no_node() or ""),
]

POD = """{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "sleeper"}, "spec": {
  "terminationGracePeriodSeconds": 0,
  "containers": [{"name": "sleeper", "image": "registry.thinksafe.test/pause:1"}]}}"""


@pytest.fixture(scope="module")
def bare():
    """A cluster without the images of worker and operator, of this module's own."""
    with whole.running(with_images=False) as access:
        access.kubectl("apply", "-f", "-", input=POD)
        access.kubectl("wait", "--for=condition=Ready", "pod/sleeper", "--timeout=60s")
        yield access


def test_the_kubelet_comes_back_to_its_pods_and_gpus(bare) -> None:
    before = bare.kubectl("get", "pod", "sleeper", "-o", "jsonpath={.status.containerStatuses[0].containerID}")
    bare.own.node.stop_kubelet()
    assert not bare.own.node.kubelet.running
    bare.own.node.start_kubelet()
    gpus = bare.kubectl("get", "node", "-o", r"jsonpath={.items[*].status.allocatable.nvidia\.com/gpu}")
    after = bare.kubectl("get", "pod", "sleeper", "-o", "jsonpath={.status.containerStatuses[0].containerID}")
    assert (gpus, after) == ("8", before)


def test_logs_and_commands_reach_a_pod(bare) -> None:
    assert bare.kubectl("logs", "sleeper") == ""
    with pytest.raises(RuntimeError, match="no-such-program"):
        bare.kubectl("exec", "sleeper", "--", "/no-such-program")


def test_nothing_listens_beyond_this_machine(bare) -> None:
    listening = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout.splitlines()
    processes = [bare.plane.apiserver, bare.plane.etcd, bare.own.node.kubelet, bare.own.dns.process]
    ours = [line for line in listening if any(f"pid={process.pid}," in line for process in processes)]
    addresses = {line.split()[3].rpartition(":")[0] for line in ours}
    assert ours
    assert all(a.startswith(("127.", "10.77.", "10.78.", "[::1]")) for a in addresses), addresses


def test_nothing_is_left_after_an_end_and_after_a_crash(tmp_path: Path) -> None:
    """A second cluster beside the first; then one that is killed, and the next in its place."""
    script = (
        "import sys, time\n"
        "from cluster import whole\n"
        f"POD = '''{POD}'''\n"
        "with whole.running(with_images=False) as c:\n"
        "  c.kubectl('apply', '-f', '-', input=POD)\n"
        "  c.kubectl('wait', '--for=condition=Ready', 'pod/sleeper', '--timeout=60s')\n"
        "  print(c.own.slot.number, flush=True)\n"
        "  sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    for crash in (True, False):
        with (tmp_path / "log").open("a") as log:
            holder = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True
            )
        assert holder.stdout and holder.stdin
        number = int(holder.stdout.readline())
        slot = places.Slot(number, (holder.stdin,))
        assert slot.folder.exists() and _bridge(slot)
        if crash:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
        else:
            holder.stdin.close()
            assert holder.wait(60) == 0, (tmp_path / "log").read_text()
    assert not slot.folder.exists()
    assert not _bridge(slot)
    assert not _processes_of(slot)
    assert not [g for g in Path("/sys/fs/cgroup").glob(f"*/{slot.cgroup}")]
    assert str(slot.folder) not in Path("/proc/mounts").read_text()


def _bridge(slot: places.Slot) -> bool:
    return Path("/sys/class/net", slot.bridge).exists()


def _processes_of(slot: places.Slot) -> list[str]:
    """The command lines that name the slot's folder."""
    found = []
    for _ in range(20):
        found = [
            line
            for process in Path("/proc").glob("[0-9]*/cmdline")
            if (line := _read(process)) and str(slot.folder) in line
        ]
        if not found:
            break
        time.sleep(0.2)
    return found


def _read(file: Path) -> str:
    try:
        return file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""
