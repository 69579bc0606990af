"""Nothing is lost: a run killed at random moments ends with the same bytes as one that was left alone."""

import random
import subprocess
import sys

import psutil
import pytest
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


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thirty_kills_change_no_byte_of_the_data_set_nor_of_the_adapter(tmp_path):
    file, rng, kills = manifest(tmp_path, **MANY), random.Random(7), 0
    command = [sys.executable, "-m", "thinksafe", "run", str(file), "--store", str(tmp_path / "killed")]
    before = {}
    while kills < KILLS:
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(command, env=environment(tmp_path / "a"), stdout=log, stderr=log)
        try:
            code = process.wait(timeout=rng.uniform(1.5, 11))
            assert code == 0, (tmp_path / "log").read_text()[-2000:]
            break
        except subprocess.TimeoutExpired:
            kill_all(process)
            kills += 1
        after = objects(tmp_path / "killed")
        changed = [k for k in before if after.get(k) != before[k]]
        assert not changed, changed
        before = after
    finished = thinksafe("run", file, "--store", tmp_path / "killed", scratch=tmp_path / "a")
    assert finished.returncode == 0, finished.stderr[-2000:]
    assert kills == KILLS, f"the run was done after {kills} kills"
    left_alone = thinksafe("run", file, "--store", tmp_path / "alone", scratch=tmp_path / "b")
    assert left_alone.returncode == 0, left_alone.stderr[-2000:]

    killed, alone = objects(tmp_path / "killed"), objects(tmp_path / "alone")
    data = [k for k in alone if k.split("/")[1] in CHUNKED and k.endswith(".parquet")]
    assert {k.split("/")[1] for k in data} == set(CHUNKED)
    assert [k for k in data if killed.get(k) != alone[k]] == []
    adapter = [k for k in alone if "/adapter_model.safetensors" in k]
    assert len(adapter) == 1 and killed[adapter[0]] == alone[adapter[0]]
    assert set(killed) == set(alone)
