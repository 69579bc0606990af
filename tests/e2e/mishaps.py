"""Things that happen to a cluster while a run is on it, at random moments of its stages."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

from api.running_operator import RunningOperator, kubeconfig
from cluster.access import ClusterAccess
from e2e.namespace import Namespace
from e2e.release import install

OPERATOR = ("-n", "thinksafe-system")
_DEPLOYMENT = "deployment/thinksafe-operator"
_LOOK_SECONDS = 0.3
# The kind of artifact that a stage makes first.
_FIRST = {"prepare": "prompts", "generate": "responses", "filter": "scores", "train": "adapter",
          "evaluate": "answers", "report": "report"}  # fmt: skip


# --- the operator --------------------------------------------------------------------------------------------------


def scale_operator(cluster: ClusterAccess, replicas: int) -> None:
    """So many operators at work; returns when there are."""
    cluster.kubectl(*OPERATOR, "scale", _DEPLOYMENT, f"--replicas={replicas}")
    cluster.kubectl(*OPERATOR, "rollout", "status", _DEPLOYMENT, "--timeout=300s")
    _wait(lambda: len(operator_pods(cluster)) == replicas, f"{replicas} operators", 120)


def upgrade_operator(cluster: ClusterAccess, chart: Path) -> None:
    """Other pods come, from another version of the chart."""
    old = operator_pods(cluster)
    install(cluster, chart)
    assert not old & operator_pods(cluster)


def operator_pods(cluster: ClusterAccess) -> set[str]:
    """Uids of the operators there are, those that are just ending included."""
    pods = json.loads(cluster.kubectl(*OPERATOR, "get", "pods", "-o", "json"))["items"]
    return {pod["metadata"]["uid"] for pod in pods}


@contextmanager
def no_operator(cluster: ClusterAccess) -> Iterator[None]:
    """The cluster without its operator."""
    scale_operator(cluster, 0)
    try:
        yield
    finally:
        scale_operator(cluster, 1)


class Killed:
    """Operators outside of the cluster, one after the other, each killed at a random moment of its life.

    A life is at most `longest` seconds, its start included. `ready` counts those that came to work.
    """

    def __init__(self, cluster: ClusterAccess, folder: Path, dice: Random) -> None:
        self._kubeconfig, self._folder, self._dice = kubeconfig(cluster, folder), folder, dice
        self._image = cluster.worker_image
        self.longest, self.kills, self.ready = 0.0, 0, 0

    def live_and_die(self) -> None:
        one = self.new()
        time.sleep(self._dice.uniform(0, self.longest))
        assert one.process.poll() is None, f"it ended by itself: {one.log.read_text()[-2000:]}"
        self.ready += one.ask("/readyz")[0] == 200
        one.process.kill()
        one.process.wait()
        self.kills += 1

    def new(self) -> RunningOperator:
        """One that is at its start; the caller ends it."""
        return self._operator().__enter__()

    def measure_start(self) -> float:
        """Seconds until one is ready on this machine just now."""
        started = time.monotonic()
        with self._operator() as one:
            one.wait_until_ready(120)
            return time.monotonic() - started

    def _operator(self) -> RunningOperator:
        return RunningOperator(self._kubeconfig, self._folder, THINKSAFE_WORKER_IMAGE=self._image)


# --- workers, node, control plane ----------------------------------------------------------------------------------


class Fate:
    """Finds random moments of a run's stages, and lets things happen there. `told` is what happened and when.

    `storage` is the run's; `seconds` tells how long a stage takes undisturbed.
    """

    def __init__(
        self, namespace: Namespace, run: str, storage: str, dice: Random, seconds: Callable[[str], float]
    ) -> None:
        self._namespace, self._run, self._dice, self._seconds = namespace, run, dice, seconds
        self._place, self._client = urlsplit(storage), namespace.cluster.s3()
        self.told: list[str] = []

    def moment_of(self, stage: str) -> str:
        """Returns in the middle of a stage, with the name of its running pod.

        After a random share of the time that it takes undisturbed, or when it has written a random number of objects,
        if that is earlier: so it is not over, however fast the machine is today.
        """
        self._running_pod(stage)
        delay = self._dice.uniform(0, 0.6 * self._seconds(stage))
        written, started = self._written(stage), time.monotonic()
        enough = written + self._dice.randint(1, 6)
        while time.monotonic() < started + delay and written < enough:
            time.sleep(_LOOK_SECONDS)
            written = self._written(stage)
        pod = self._running_pod(stage, seconds=60)
        self.told.append(f"{stage} after {time.monotonic() - started:.1f} s with {written} objects")
        return pod

    def _written(self, stage: str) -> int:
        """Objects of what the stage makes first, work in progress included."""
        prefix = f"{self._place.path.strip('/')}/artifacts/{_FIRST[stage]}/"
        return self._client.list_objects_v2(Bucket=self._place.netloc, Prefix=prefix).get("KeyCount", 0)

    def delete_pod(self, stage: str, *, by_force: bool = False) -> None:
        """`by_force`: the API server forgets the pod at once, its process lives on for a while."""
        pod = self.moment_of(stage)
        how = ("--grace-period=0", "--force") if by_force else ()
        self._namespace.kubectl("delete", "pod", pod, "--wait=false", *how)
        _wait(lambda: pod not in self._running_pods(stage), f"the end of {pod}", 120)
        self.told[-1] += ": pod deleted by force" if by_force else ": pod deleted"

    def kubelet_away(self, stage: str) -> None:
        node = self._own().node
        self.moment_of(stage)
        away = self._dice.uniform(2, 15)
        node.stop_kubelet()
        time.sleep(away)
        node.start_kubelet()
        self.told[-1] += f": kubelet away for {away:.0f} s"

    def restart_apiserver(self, stage: str) -> None:
        self.moment_of(stage)
        self._own().plane.restart_apiserver()
        self.told[-1] += ": API server restarted"

    def restart_etcd(self, stage: str) -> None:
        self.moment_of(stage)
        self._own().plane.restart_etcd()
        _wait(self._own().plane.ready, "the API server's return", 60)
        self.told[-1] += ": etcd restarted"

    def _own(self):
        own = self._namespace.cluster.own
        assert own is not None, "it is not our cluster: its parts cannot be stopped"
        return own

    def _running_pods(self, stage: str) -> list[str]:
        try:
            pods = self._namespace.find("pods", f"thinksafe.dev/run={self._run},thinksafe.dev/stage={stage}")
        except RuntimeError:  # the API server is not back yet, or has not read everything yet
            return []
        alive = [p for p in pods if "deletionTimestamp" not in p["metadata"]]
        return [p["metadata"]["name"] for p in alive if p["status"].get("phase") == "Running"]

    def _running_pod(self, stage: str, seconds: float = 900) -> str:
        end = time.monotonic() + seconds
        while not (running := self._running_pods(stage)):
            assert time.monotonic() < end, f"{stage} has no running pod for {seconds:.0f} s; {self._said()}"
            time.sleep(_LOOK_SECONDS)
        return running[0]

    def _said(self) -> str:
        status = self._namespace.status(self._run)
        stages = {s["name"]: (s["state"], s["attempt"]) for s in status.get("stages", [])}
        return f"{status.get('phase')}: {status.get('message')} {stages}; before: {self.told}"


def _wait(holds: Callable[[], bool], what: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"{what} does not come in {seconds:.0f} s"
        time.sleep(_LOOK_SECONDS)
