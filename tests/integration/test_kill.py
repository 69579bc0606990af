"""Nothing is lost: a run killed at random moments ends with the same bytes as one that was left alone."""

import contextlib
import json
import random
import shutil
import subprocess
import sys
import time

import psutil
import pytest
import yaml
from integration.references import reference
from integration.runs import document, environment, manifest, objects, thinksafe

KILLS = 30
# Small chunks and a checkpoint a step: many moments at which something is half done.
MANY = {
    "generation": {"chunkRows": 3},
    "training": {"checkpointEvery": 1, "epochs": 2},
    "steering": {"ladder": [{"template": "suffix"}]},
}
KILLS_OF_AN_EXPERIMENT = 5
# The first variant is the small run itself. The second has all of it but its training and what follows.
EXPERIMENT = {
    "apiVersion": "thinksafe.dev/v1alpha1",
    "kind": "ThinkSafeExperiment",
    "metadata": {"name": "pair"},
    "spec": {
        "run": document()["spec"],
        "variants": [{"name": "one"}, {"name": "two", "patch": {"training": {"checkpointEvery": 1, "epochs": 2}}}],
    },
}
CHUNKED = ("prompts", "problems", "responses", "scores", "dataset", "perplexity", "answers", "verdicts")


def kill_all(process: subprocess.Popen) -> None:
    """SIGKILL for the command and for the workers it started."""
    family = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    for member in family:
        member.kill()
    psutil.wait_procs(family)
    process.wait()


def at_the_start_or_at_work(process: subprocess.Popen, rng: random.Random) -> float:
    """Seconds to live: from its start, or from when its first step begins, some 10 s later."""
    if rng.random() < 0.6:
        return rng.uniform(0.5, 9)
    while process.poll() is None and not any(n.startswith("step:") for n in below(process)):
        time.sleep(0.05)
    return rng.uniform(0, 5)


def below(process: subprocess.Popen) -> list[str]:
    """The names of the processes below it."""
    names = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for member in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                names.append(member.name())
    return names


def run_and_kill(
    file, store, scratch, rng, most: int, *, what="run", lives=at_the_start_or_at_work, look=objects
) -> int:
    """Start the run again and again, killing it after a random while, until it is done; returns the number of kills.

    After `most` kills it is left alone. No committed object may change on the way, by what `look` sees of them.
    """
    command = [sys.executable, "-m", "thinksafe", what, str(file), "--store", str(store)]
    before, kills = {}, 0
    while kills < most:
        with (file.parent / "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment(scratch), stdout=log, stderr=log)
            try:
                assert process.wait(timeout=lives(process, rng)) == 0, (file.parent / "log").read_text()[-2000:]
                break
            except subprocess.TimeoutExpired:
                kill_all(process)
                kills += 1
        after = look(store)
        changed = [k for k in before if after.get(k) != before[k]]
        assert not changed, changed
        before = after
    finished = thinksafe(what, file, "--store", store, scratch=scratch)
    assert finished.returncode == 0, finished.stderr[-2000:]
    after = look(store)
    changed = [k for k in before if after.get(k) != before[k]]
    assert not changed, changed
    return kills


def test_killed_alone_it_leaves_no_worker_behind(tmp_path):
    store = tmp_path / "store"
    command = [sys.executable, "-m", "thinksafe", "run", str(manifest(tmp_path)), "--store", str(store)]
    run = subprocess.Popen(command, env=environment(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    family = list[psutil.Process]()
    while not any(member.name() == "step:generate" for member in family):
        assert run.poll() is None
        time.sleep(0.05)
        family = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    run.wait()
    _, left = psutil.wait_procs(family, timeout=60)
    for member in left:
        member.kill()
    assert len(family) >= 3 and not left
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


def with_times(store) -> dict[str, tuple[str, int]]:
    """The committed objects, and when each was written: one that is made twice shows, if with the same bytes, too."""
    return {key: (digest, (store / key).stat().st_mtime_ns) for key, digest in objects(store).items()}


def combined(store) -> tuple[bytes, dict]:
    """The combined report: its table, and its document but for what it has cost, which nothing makes the same."""
    (folder,) = store.glob("experiments/*/pair/*")
    summary = json.loads((folder / "summary.json").read_text())
    for variant in summary["variants"]:
        del variant["cost"]
    return (folder / "table.csv").read_bytes(), summary


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(1800)
def test_an_experiment_killed_again_and_again_ends_with_the_report_of_one_left_alone(tmp_path):
    file = tmp_path / "pair.yaml"
    file.write_text(yaml.safe_dump(EXPERIMENT))
    begun = reference(manifest(tmp_path)).store
    alone, killed = (shutil.copytree(begun, tmp_path / name) for name in ("alone", "killed"))
    left_alone = thinksafe("experiment", file, "--store", alone, scratch=tmp_path / "scratch-alone")
    assert left_alone.returncode == 0, left_alone.stderr[-2000:]
    kills = run_and_kill(
        file, killed, tmp_path / "scratch", random.Random(7), KILLS_OF_AN_EXPERIMENT,
        what="experiment", lives=lambda _, dice: dice.uniform(1.5, 45), look=with_times,
    )  # fmt: skip
    assert kills > 0
    assert combined(killed) == combined(alone)

    made = objects(alone)
    same = [k for k in made if k.split("/")[1] in CHUNKED and k.endswith(".parquet")]
    same += [k for k in made if k.endswith("/adapter_model.safetensors")]
    after = objects(killed)
    assert [k for k in same if after[k] != made[k]] == [] and set(after) == set(made)
    at_first = with_times(begun)
    assert {k: v for k, v in with_times(killed).items() if k in at_first} == at_first
    assert sum(k.endswith("/adapter_model.safetensors") for k in after) == 2
