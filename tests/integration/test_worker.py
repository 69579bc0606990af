"""A worker as a pod runs it: asked to stop, killed, as process 1, and in a group that trains together."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from integration import crews
from integration.runs import environment, manifest
from safetensors.numpy import load

DOWN = {"uri": "s3://bucket/x", "endpoint": "http://127.0.0.1:9", "region": "us-east-1"}
KEYS = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}


def free_ports() -> str:
    """A port that is free, with the next one free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return str(port)


def start(folder: Path, stage: str, *prefix: str, **spec) -> subprocess.Popen:
    file, said = manifest(folder, **spec), folder / "words"
    said.touch()
    command = [*prefix, sys.executable, "-m", "thinksafe", "worker", stage, str(file), "--uid", "u"]
    env = environment(folder / "s", THINKSAFE_TERMINATION_LOG=str(said), **KEYS)
    log = folder / "log"
    with log.open("wb") as out:
        return subprocess.Popen(command, env=env, stdout=out, stderr=out)


def until_it_works(worker: subprocess.Popen) -> psutil.Process:
    """The process that does the work, once it is there and busy."""
    for _ in range(400):
        children = psutil.Process(worker.pid).children(recursive=True)
        working = [c for c in children if "thinksafe.stages.step" in c.cmdline()]
        if working and working[0].cpu_times().user > 0.5:
            return working[0]
        time.sleep(0.05)
    raise AssertionError("the step was not started")


def told(folder: Path) -> dict:
    return json.loads((folder / "words").read_text())


def test_a_worker_that_waits_for_a_store_tells_so_and_stops_when_asked(tmp_path):
    worker = start(tmp_path, "prepare", storage=DOWN)
    step = until_it_works(worker)
    while '"trouble": "StoreUnavailable"' not in (tmp_path / "log").read_text():
        assert worker.poll() is None
        time.sleep(0.1)
    asked = time.monotonic()
    worker.terminate()
    assert worker.wait(30) == 143 and told(tmp_path)["reason"] == "Interrupted"
    assert time.monotonic() - asked < 12 and not step.is_running()


@pytest.mark.parametrize(
    ("sign", "code", "reason"), [("SIGSEGV", 1, "WorkerCrashed"), ("SIGKILL", 75, "WorkerKilled")]
)
def test_a_step_that_dies_without_a_word_has_last_words_all_the_same(tmp_path, sign, code, reason):
    worker = start(tmp_path, "prepare", storage=DOWN)
    until_it_works(worker).send_signal(getattr(signal, sign))
    assert worker.wait(30) == code
    assert (told(tmp_path)["code"], told(tmp_path)["reason"]) == (code, reason)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare for process 1")
def test_as_process_1_it_takes_sigterm(tmp_path):
    outside = start(tmp_path, "prepare", "unshare", "--pid", "--fork", "--mount-proc", storage=DOWN)
    inside = None
    for _ in range(400):
        (inside, *_) = psutil.Process(outside.pid).children() or [None]
        if inside and inside.children():
            break
        time.sleep(0.05)
    assert inside
    inside.terminate()
    assert outside.wait(30) == 143 and told(tmp_path)["code"] == 143


def test_a_manifest_that_cannot_be_read_is_told_too(tmp_path):
    worker = start(tmp_path, "prepare", training={"rank": 0})
    assert worker.wait(60) == 78 and "rank" in told(tmp_path)["message"]


# --- groups -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The store of a run that one process trained, left alone."""
    folder = tmp_path_factory.mktemp("alone")
    file, store = crews.prepared(folder)
    assert crews.train(file, store, folder / "one").wait(400) == 0
    said = crews.words(folder / "one")
    assert said["counts"]["kept"] == {"harmful": 12, "benign": 12} and said["artifacts"].keys() >= {"adapter"}
    return store


def same_to_float_error(store: Path, other: Path) -> None:
    """The same steps, losses and weights but for the order of sums (docs/determinism.md)."""
    one, two = crews.curve(store), crews.curve(other)
    assert [p["step"] for p in one] == [p["step"] for p in two] == list(range(1, len(one) + 1))
    np.testing.assert_allclose([p["loss"] for p in one], [p["loss"] for p in two], rtol=1e-4)
    weights = [load(next(s.glob("artifacts/adapter/*/files/*.safetensors")).read_bytes()) for s in (store, other)]
    for name, value in weights[0].items():
        np.testing.assert_allclose(value, weights[1][name], rtol=1e-2, atol=1e-4, err_msg=name)


@pytest.mark.timeout(1200)  # a busy machine takes minutes to import torch so often
def test_two_processes_in_a_pod_stop_together_and_make_the_adapter_of_one(tmp_path, alone):
    file, store = crews.prepared(tmp_path)
    pod = crews.train(file, store, tmp_path / "a", THINKSAFE_PROCESSES="2")
    crews.wait_for_step(store, 7)
    pod.terminate()
    assert pod.wait(120) == 143 and crews.words(tmp_path / "a")["code"] == 143
    checkpoints = list(store.glob("artifacts/adapter/*/work/checkpoints/*/complete"))
    assert checkpoints
    # another machine: nothing of the first one's disk is there
    assert crews.train(file, store, tmp_path / "b", THINKSAFE_PROCESSES="2").wait(400) == 0
    assert not [c for c in checkpoints if c.exists()]
    same_to_float_error(alone, store)


@pytest.mark.timeout(1200)  # a busy machine takes minutes to import torch so often
def test_two_pods_end_together_when_a_process_dies_and_go_on_from_the_checkpoint(tmp_path, alone):
    file, store = crews.prepared(tmp_path)
    place = {"THINKSAFE_WORKERS": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_ports()}

    def pods(*scratch):
        return [crews.train(file, store, s, JOB_COMPLETION_INDEX=str(i), **place) for i, s in enumerate(scratch)]

    both = pods(tmp_path / "a0", tmp_path / "a1")
    crews.wait_for_step(store, 7)
    crews.kill(crews.ranks(both[1])[0])
    assert [p.wait(60) for p in both] == [75, 75]
    reasons = [crews.words(tmp_path / name)["reason"] for name in ("a0", "a1")]
    assert reasons == ["GroupBroken", "WorkerKilled"]
    assert list(store.glob("artifacts/adapter/*/work/checkpoints/step-*5/complete"))
    both = pods(tmp_path / "b0", tmp_path / "b1")
    assert [p.wait(400) for p in both] == [0, 0]
    same_to_float_error(alone, store)


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(900)
def test_a_worker_asked_to_stop_while_it_generates_keeps_what_is_committed_and_leaves_no_process(tmp_path):
    file, store = manifest(tmp_path, generation={"chunkRows": 1}), tmp_path / "store"
    command = [sys.executable, "-m", "thinksafe", "worker", "--uid", "u", "--store", str(store)]
    env = environment(tmp_path / "s", VLLM_ENABLE_V1_MULTIPROCESSING="1")  # an engine process of its own, as on a GPU
    assert subprocess.run([*command, "prepare", str(file)], env=env, capture_output=True, check=False).returncode == 0
    worker = subprocess.Popen([*command, "generate", str(file)], env=env, stdout=subprocess.PIPE, text=True)
    while not list(store.glob("artifacts/responses/*/chunks/*.parquet")):
        assert worker.poll() is None
        time.sleep(0.05)
    family = psutil.Process(worker.pid).children(recursive=True)
    asked = time.monotonic()
    worker.terminate()
    said = worker.communicate(timeout=120)[0]
    assert time.monotonic() - asked < 15
    last = json.loads(said.splitlines()[-1])
    assert (worker.returncode, last["code"]) == (143, 143) and last["counts"]["rows"] >= 1
    assert len(family) > 1 and not [p for p in family if p.is_running()]
    assert list(store.glob("artifacts/responses/*/chunks/*.parquet"))
