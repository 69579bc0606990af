"""The tests' cluster for a contributor: `make cluster-up`, `make cluster-down`.

up      starts it in the background and prints how to reach it
serve   holds it until told to end (what `up` starts)
down    ends it
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from cluster import packages, whole
from cluster.access import ClusterAccess
from cluster.binaries import binary
from cluster.helm import CHART, RELEASE, SYSTEM, values_for
from cluster.places import temporary, try_lock
from cluster.say import say
from cluster.storage import KEYS

BUCKET = "runs"
SECRET = "s3"


def _held() -> Path:
    """Locked while a cluster is up; holds the process id of who holds it."""
    return temporary() / "held"


def _ready() -> Path:
    """There once that cluster is ready: its environment."""
    return temporary() / "held.json"


def _values() -> Path:
    """The values of the operator's chart for that cluster."""
    return temporary() / "held-values.json"


def _log() -> Path:
    return temporary() / "held.log"


def up() -> None:
    """Start a cluster in the background, wait for it and say how to reach it."""
    if why := packages.why_no_node():
        sys.exit(f"no cluster: {why}")
    if lock := try_lock(_held()):
        lock.close()
        _ready().unlink(missing_ok=True)
        # A log of its own: whoever reads our output must not wait for the end of a server that lives on.
        with _log().open("w") as log, _log().open() as lines:
            server = subprocess.Popen(
                [sys.executable, "-m", "cluster", "serve"], start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
            while not _ready().exists():
                print(lines.read(), end="", file=sys.stderr, flush=True)
                if server.poll() is not None:
                    sys.exit(f"the cluster did not start\n{lines.read()}")
                time.sleep(0.5)
            print(lines.read(), end="", file=sys.stderr, flush=True)
    elif not _ready().exists():
        sys.exit("a cluster is just being started: wait for it")
    environment = json.loads(_ready().read_text())
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}")
    print(f"export PATH={binary('kubectl').parent}:{binary('helm').parent}:$PATH")
    print(f"# bucket {BUCKET}, its keys in the secret {SECRET} of the namespace default; end with: make cluster-down")
    install = f"helm install {RELEASE} {CHART} --namespace={SYSTEM} --create-namespace"
    print(f"# the operator with these: {install} --values={_values()}")


def serve() -> None:
    """Hold a cluster until a signal."""
    lock = try_lock(_held())
    if lock is None:
        sys.exit("a cluster is up already")
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with whole.running() as cluster:
        _furnish(cluster)
        _values().write_text(json.dumps(values_for(cluster, f"s3://{BUCKET}/runs", SECRET)))
        unfinished = _ready().with_suffix(".part")
        unfinished.write_text(json.dumps(cluster.environment()))
        unfinished.rename(_ready())
        ended.wait()
        _ready().unlink(missing_ok=True)


def down() -> None:
    """End the cluster that `up` has started."""
    if lock := try_lock(_held()):
        lock.close()
        print("no cluster is up")
        return
    os.kill(int(_held().read_text()), signal.SIGTERM)
    while (lock := try_lock(_held())) is None:
        time.sleep(0.2)
    lock.close()


def _furnish(cluster: ClusterAccess) -> None:
    """A bucket and a secret with its keys. The operator and its definition are the user's to install, by the chart."""
    cluster.s3().create_bucket(Bucket=BUCKET)
    keys = [f"--from-literal={name.upper()}={value}" for name, value in KEYS.items()]
    cluster.kubectl("create", "secret", "generic", SECRET, *keys)
    gpus = cluster.kubectl("get", "nodes", "-o", r"jsonpath={.items[*].status.capacity.nvidia\.com/gpu}")
    say(f"ready: one node with {gpus} GPUs to schedule (there is nothing behind them)")


if __name__ == "__main__":
    commands = {"up": up, "serve": serve, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        sys.exit(f"usage: python -m cluster {'|'.join(commands)}")
    commands[sys.argv[1]]()
