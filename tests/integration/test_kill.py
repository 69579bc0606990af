"""Nothing is lost: a run killed at random moments ends with the same bytes as one that was left alone."""

import random
import subprocess
import sys
import time

import psutil
import pytest
from integration.references import reference
from integration.runs import environment, manifest, objects, thinksafe

KILLS = 30
# Small chunks and a checkpoint a step: many moments at which something is half done.
MANY = {
    "generation": {"chunkRows": 3},
    "training": {"checkpointEvery": 1, "epochs": 2},
    "steering": {"ladder": [{"template": "suffix"}]},
}
CHUNKED = ("prompts", "problems", "responses", "scores", "dataset", "perplexity", "answers", "verdicts")


def kill_all(process: subprocess.Popen) -> None:
    """SIGKILL for the command and for the workers it started."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        member.kill()
    psutil.wait_procs(family)
    process.wait()


def run_and_kill(file, store, scratch, rng, most: int) -> int:
    """Start the run again and again, killing it after a random while, until it is done; returns the number of kills.

    After `most` kills it is left alone. No committed object may change on the way.
    """
    command = [sys.executable, "-m", "thinksafe", "run", str(file), "--store", str(store)]
    before, kills = {}, 0
    while kills < most:
        with (file.parent / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment(scratch), stdout=log, stderr=log)
            try:
                assert process.wait(timeout=rng.uniform(1.5, 11)) == 0, (file.parent / "log").read_text()[-2000:]
                break
            except subprocess.TimeoutExpired:
                kill_all(process)
                kills += 1
        after = objects(store)
        changed = [k for k in before if after.get(k) != before[k]]
        assert not changed, changed
        before = after
    finished = thinksafe("run", file, "--store", store, scratch=scratch)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return kills


def test_killed_alone_it_leaves_no_worker_behind(tmp_path):
    store = tmp_path / "store"
    command = [sys.executable, "-m", "thinksafe", "run", str(manifest(tmp_path)), "--store", str(store)]
    run = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    family = list[psutil.Process]()
    while not any("thinksafe.stages.step" in member.cmdline() for member in family):
        assert run.poll() is None
        time.sleep(0.05)
        family = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    _, left = psutil.wait_procs(family, timeout=60)
    for member in left:
        member.kill()
    assert len(family) >= 2 and not left
    assert not list(store.glob("artifacts/responses/*/manifest.json")), "it went on to the end of its stage"


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(1800)
def test_thirty_kills_change_no_byte_of_the_data_set_nor_of_the_adapter(tmp_path):
    file, rng, kills, stores = manifest(tmp_path, **MANY), random.Random(7), 0, []
    while kills < KILLS:  # a fast machine may be done before the last kill: then it begins again elsewhere
        stores.append(tmp_path / f"killed-{len(stores)}")
        kills += run_and_kill(file, stores[-1], tmp_path / f"scratch-{len(stores)}", rng, KILLS - kills)

    alone = objects(reference(file).store)
    data = [k for k in alone if k.split("/")[1] in CHUNKED and k.endswith(".parquet")]
    assert {k.split("/")[1] for k in data} == set(CHUNKED)
    adapter = [k for k in alone if k.endswith("/adapter_model.safetensors")]
    assert len(adapter) == 1
    for store in stores:
        killed = objects(store)
        assert [k for k in (*data, *adapter) if killed.get(k) != alone[k]] == []
        assert set(killed) == set(alone)
