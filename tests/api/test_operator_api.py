"""The operator against a real API server with real controllers; the pods are played (player.py)."""

import asyncio
import json
import socket
import threading
import uuid
from collections.abc import Iterator

import pytest

from api.player import Player, playing
from api.running_operator import RunningOperator, install, wait_until
from api.tiny import tiny_run
from thinksafe_operator import parse
from thinksafe_operator.children import Jobs, Pods, Workloads
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.decide import decide
from thinksafe_operator.health import Echo
from thinksafe_operator.jobs import children
from thinksafe_operator.kube import Kube
from thinksafe_operator.metrics import API_CALLS
from thinksafe_operator.observe import Observer
from thinksafe_operator.progress import Heard
from thinksafe_operator.queue import Queue
from thinksafe_operator.reconcile import Reconciler
from thinksafe_operator.resources import RUNS
from thinksafe_operator.settings import Settings

STAGES = ["prepare", "generate", "filter", "train", "evaluate", "report"]


@pytest.fixture(scope="module")
def kubeconfig(controllers, tmp_path_factory):
    return install(controllers, tmp_path_factory.mktemp("operator"))


@pytest.fixture
def namespace(controllers, kubeconfig) -> Iterator[str]:
    name = f"runs-{uuid.uuid4().hex[:6]}"
    controllers.kubectl("create", "namespace", name)
    yield name
    controllers.kubectl("delete", "namespace", name, "--wait=false")


def apply(access, namespace, name="r", **spec):
    access.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(tiny_run(name, **spec)))


def read(access, namespace, name="r"):
    return json.loads(access.kubectl("get", "thinksaferun", name, "-n", namespace, "-o", "json"))


def jobs(access, namespace):
    return json.loads(access.kubectl("get", "jobs", "-n", namespace, "-o", "json"))["items"]


def wait_for_ready(access, namespace, name="r"):
    access.kubectl("wait", "--for=condition=Ready", f"thinksaferun/{name}", "-n", namespace, "--timeout=180s")


@pytest.mark.timeout(1800)  # the programs may have to be built first
def test_a_run_goes_from_apply_to_ready(controllers, kubeconfig, namespace, tmp_path):
    with RunningOperator(kubeconfig, tmp_path) as operator, playing(controllers, namespace):
        operator.wait_until_ready()
        apply(controllers, namespace)
        wait_for_ready(controllers, namespace)
        status = read(controllers, namespace)["status"]
        assert status["phase"] == "Succeeded" and status["adapter"] == "s3://bucket/released/r"
        assert [(s["name"], s["state"], s["attempt"]) for s in status["stages"]] == [
            (name, "Succeeded", 1) for name in STAGES
        ]
        assert operator.metric('thinksafe_runs{phase="Succeeded"}') >= 1
        assert operator.metric('thinksafe_guard_decisions_total{decision="kept"}') == 7
        assert operator.metric('thinksafe_reconciles_total{result="error"}') == 0
        denied = [v for v in ("get", "list", "watch", "create", "apply", "delete", "log")
                  if operator.metric(f'thinksafe_api_calls_total{{code="403",verb="{v}"}}')]  # fmt: skip
        assert denied == []
        meta = read(controllers, namespace)["metadata"]
        assert "finalizers" not in meta and "kopf" not in json.dumps(meta)
    told = controllers.kubectl("events", "-n", namespace, "--for=thinksaferun/r")
    assert "GatePassed" in told
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    assert any(line.get("run") == "r" and line.get("stage") == "train" for line in lines)
    assert not [line for line in lines if line["level"] in ("error", "critical")]


async def in_process(access, test):
    """Passes by hand, without caches or queue: every look goes to the API server."""
    async with await Kube.connect(str(access.kubeconfig)) as kube:
        queue = Queue()
        known = Jobs(queue)
        pods, workloads, nothing = Pods(queue, known), Workloads(queue, known), Complaints(queue, known)
        observe = Observer(kube, known, pods, workloads, Heard(), nothing, nothing)
        settings = Settings(worker_image="worker")
        await test(kube, Reconciler(kube, observe, decide, children, settings, queue=queue, echo=Echo()))


def test_the_status_is_stored_as_it_was_written_and_a_second_pass_writes_nothing(controllers, namespace):
    decided = {}

    def spy(run, seen, now):
        decided["last"] = decide(run, seen, now)
        return decided["last"]

    async def test(kube, reconcile):
        reconcile._decide = spy
        for _ in range(6):
            await reconcile((namespace, "r"))
            await Player(kube, namespace).look()
        before = await kube.get(RUNS, namespace, "r")
        assert decided["last"].status["stages"][0]["state"] != "Waiting"
        for _ in range(2):
            await reconcile((namespace, "r"))
        stored = await kube.get(RUNS, namespace, "r")
        assert stored["status"] == json.loads(json.dumps(decided["last"].status))
        writes = API_CALLS.labels("apply", "200")._value.get()
        await reconcile((namespace, "r"))
        assert API_CALLS.labels("apply", "200")._value.get() == writes
        assert (await kube.get(RUNS, namespace, "r"))["metadata"]["resourceVersion"] == stored["metadata"][
            "resourceVersion"
        ]
        assert parse.parse_run(before).uid == parse.parse_run(stored).uid

    apply(controllers, namespace)
    asyncio.run(in_process(controllers, test))


def test_two_operators_at_once_make_each_job_once(controllers, kubeconfig, namespace, tmp_path):
    names = ["r0", "r1"]
    here = {"THINKSAFE_NAMESPACES": namespace}
    with (
        RunningOperator(kubeconfig, tmp_path, **here) as one,
        RunningOperator(kubeconfig, tmp_path, **here) as two,
        playing(controllers, namespace),
    ):
        for operator in (one, two):
            operator.wait_until_ready()
        for name in names:
            apply(controllers, namespace, name)
        for name in names:
            wait_for_ready(controllers, namespace, name)
    for name in names:
        stages = read(controllers, namespace, name)["status"]["stages"]
        assert [(s["state"], s["attempt"], s["failures"]) for s in stages] == [("Succeeded", 1, 0)] * 6
    made = [job["metadata"]["name"] for job in jobs(controllers, namespace)]
    assert len(made) == len(set(made)) == 6 * len(names)


class Cable:
    """Between the operator and the API server; when it is cut, nothing gets through and no connection is closed."""

    def __init__(self, host: str, port: int) -> None:
        self._target, self._cut = (host, port), threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._cut.set()

    def close(self) -> None:
        self._listener.close()
        for end in self._sockets:
            end.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut.is_set():
                self._sockets.append(near)  # taken, and never answered
                continue
            far = socket.create_connection(self._target)
            self._sockets += [near, far]
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._forward, args=(a, b), daemon=True).start()

    def _forward(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                if self._cut.is_set():
                    return
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_an_operator_that_has_gone_deaf_says_so(kubeconfig, tmp_path):
    config = json.loads(kubeconfig.read_text())
    server = config["clusters"][0]["cluster"]["server"]
    host, _, port = server.removeprefix("https://").partition(":")
    cable = Cable(host, int(port or 443))
    config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{cable.port}"
    through = tmp_path / "through-the-cable"
    through.write_text(json.dumps(config))
    with RunningOperator(through, tmp_path, THINKSAFE_SILENCE_SECONDS="8") as operator:
        try:
            operator.wait_until_ready()
            wait_until(lambda: operator.metric('thinksafe_api_calls_total{code="200",verb="watch"}') > 2)
            assert operator.ask("/healthz") == (200, "ok")
            cable.cut()
            wait_until(lambda: operator.ask("/healthz")[0] == 500)
            assert "nothing heard" in operator.ask("/healthz")[1]
        finally:
            cable.close()


def test_a_watch_of_runs_that_alone_is_deaf_is_noticed(controllers, kubeconfig, namespace, tmp_path):
    """kopf's watch is made to hear nothing, as in its known bugs; all else of the operator hears well."""
    deaf = tmp_path / "sitecustomize.py"
    deaf.write_text(
        "from kopf._cogs.clients import watching\n"
        "import asyncio\n"
        "async def deaf(**_):\n"
        "    await asyncio.Event().wait()\n"
        "    yield\n"
        "watching.watch_objs = deaf\n"
    )
    environment = {"PYTHONPATH": str(tmp_path), "THINKSAFE_SILENCE_SECONDS": "8", "THINKSAFE_NAMESPACES": namespace}
    apply(controllers, namespace)
    with RunningOperator(kubeconfig, tmp_path, **environment) as operator, playing(controllers, namespace):
        operator.wait_until_ready()
        wait_until(lambda: "thinksaferuns" in operator.ask("/healthz")[1])
        assert operator.ask("/healthz")[0] == 500


def test_deleting_a_run_deletes_all_that_it_made(controllers, kubeconfig, namespace, tmp_path):
    def left():
        return controllers.kubectl("get", "jobs,pods,configmaps", "-n", namespace, "-o", "name",
                                   "-l", "app.kubernetes.io/managed-by=thinksafe-operator").split()  # fmt: skip

    with RunningOperator(kubeconfig, tmp_path, THINKSAFE_NAMESPACES=namespace) as operator:
        operator.wait_until_ready()
        apply(controllers, namespace)
        wait_until(lambda: len(left()) == 3)
        controllers.kubectl("delete", "thinksaferun", "r", "-n", namespace, "--timeout=20s")
        wait_until(lambda: not left())
        phases = ("Pending", "Queued", "Running")
        wait_until(lambda: not any(operator.metric(f'thinksafe_runs{{phase="{p}"}}') for p in phases))
        assert [job["metadata"]["name"] for job in jobs(controllers, namespace)] == []
