"""Several workers on one stage, a store that goes away for a while, a worker that is asked to stop."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from integration import crews
from integration.references import reference
from integration.runs import environment, manifest, objects, thinksafe

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage


def worker(stage, file, store, scratch, **env):
    command = [sys.executable, "-m", "thinksafe", "worker", stage, str(file), "--uid", "u", "--store", str(store)]
    return subprocess.Popen(
        command, env=environment(scratch, **env), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def responses(store):
    (digest,) = (store / "artifacts" / "responses").iterdir()
    return Artifact(open_store(Storage(uri=f"file://{store}")), "responses", digest.name)


@pytest.mark.slow
@pytest.mark.vllm
@pytest.mark.timeout(600)
def test_two_workers_make_what_one_makes(tmp_path):
    file, store = manifest(tmp_path), tmp_path / "store"
    assert worker("prepare", file, store, tmp_path / "s").wait() == 0
    both = [
        worker("generate", file, store, tmp_path / "s", JOB_COMPLETION_INDEX=str(i), THINKSAFE_WORKERS="2")
        for i in range(2)
    ]
    said = [w.communicate()[0] for w in both]
    assert [w.returncode for w in both] == [0, 0], said[-1][-1500:]
    assert responses(store).is_complete()

    def chunks(where):
        return {k: v for k, v in objects(where).items() if "/responses/" in k and k.endswith(".parquet")}

    assert chunks(store) == chunks(reference(file).store) and len(chunks(store)) == 6


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_workers_share_the_probe_of_the_steering_template_and_one_alone_ends_it(tmp_path):
    """The first is killed while it probes; the second waits for nobody, and chooses what one worker chooses."""
    steering = {"template": "auto", "probe": {"prompts": 12, "candidates": ["intent", "prefix"]}}
    file = manifest(tmp_path, steering=steering, generation={"engine": "transformers"})
    killed, alone = tmp_path / "killed", tmp_path / "alone"
    for store in (killed, alone):
        assert worker("prepare", file, store, tmp_path / "s").wait() == 0
    two = [worker("generate", file, killed, tmp_path / f"s{i}", JOB_COMPLETION_INDEX=str(i), THINKSAFE_WORKERS="2")
           for i in range(2)]  # fmt: skip
    while not list(killed.glob("artifacts/probe-responses/*/chunks/*.parquet")):
        assert two[0].poll() is None and two[1].poll() is None
        time.sleep(0.05)
    two[0].kill()
    said = two[1].communicate()[0]
    two[0].communicate()
    assert two[1].returncode == 0, said[-1500:]
    assert worker("generate", file, alone, tmp_path / "s").wait() == 0
    outcomes = []
    for store in (killed, alone):
        (place,) = store.glob("artifacts/probe-scores/*/manifest.json")
        outcomes.append(json.loads(place.read_text())["outcome"])
    assert outcomes[0]["chosen"] == outcomes[1]["chosen"] == "prefix"
    assert [t["flips"]["n"] for t in outcomes[0]["tried"]] == [12, 12]
    assert responses(killed).is_complete()
    assert {row["template"] for row in responses(killed).rows()} == {"none", "prefix"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worker_asked_to_stop_in_training_leaves_a_checkpoint_and_goes_on(tmp_path):
    file, store = crews.prepared(tmp_path, checkpointEvery=1000)  # so the only checkpoint is that of the stop
    training = worker("train", file, store, tmp_path / "s")
    crews.wait_for_step(store, 3)
    training.send_signal(signal.SIGTERM)
    last = json.loads(training.communicate()[0].splitlines()[-1])
    assert (training.returncode, last["code"]) == (143, 143)
    assert list(store.glob("artifacts/adapter/*/work/checkpoints/*/complete"))
    # another machine: nothing of the first one's disk is there
    again = worker("train", file, store, tmp_path / "elsewhere")
    said = again.communicate()[0]
    assert again.returncode == 0, said[-1500:]
    steps = [p["step"] for p in crews.curve(store)]
    assert steps == list(range(1, len(steps) + 1))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_whole_run_on_s3_outlives_a_store_that_goes_away(tmp_path, s3_server, s3_bucket):
    file = manifest(
        tmp_path, storage={"uri": f"s3://{s3_bucket}/prefix", "endpoint": s3_server.endpoint, "region": "us-east-1"}
    )
    stop = threading.Event()

    def trouble():
        while not stop.wait(12):
            s3_server.stop()
            time.sleep(4)
            s3_server.start()

    storm = threading.Thread(target=trouble)
    storm.start()
    try:
        aws = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
        done = thinksafe("run", file, scratch=tmp_path / "s", **aws)
    finally:
        stop.set()
        storm.join()
    assert done.returncode == 0, done.stderr[-1500:]
    alone = reference(manifest(tmp_path)).store
    listed = s3_server.client().list_objects_v2(Bucket=s3_bucket, Prefix="prefix/artifacts/")["Contents"]
    chunks = {o["Key"].removeprefix("prefix/"): o["ETag"] for o in listed if o["Key"].endswith(".parquet")}
    folder = {k for k in objects(alone) if k.endswith(".parquet")}
    assert set(chunks) == folder
    for key in folder:
        body = s3_server.client().get_object(Bucket=s3_bucket, Key=f"prefix/{key}")["Body"].read()
        assert body == (alone / key).read_bytes(), key
