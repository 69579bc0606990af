"""The ladder: a prompt of which nothing was kept climbs to the next template, and only such a prompt."""

import subprocess
import sys

import pytest
from integration.runs import environment, manifest

from thinksafe.analysis import retention
from thinksafe.artifacts.artifact import Artifact
from thinksafe.manifest import read
from thinksafe.stages import run as runs
from thinksafe.stages.train import choose

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def climbed(tmp_path_factory):
    """A run without steering whose second rung has the prefix and two samples, filtered and chosen from."""
    from thinksafe.artifacts.store import open_store
    from thinksafe.spec import Storage

    folder = tmp_path_factory.mktemp("ladder")
    file = manifest(folder, steering={"template": "none", "ladder": [{"template": "prefix", "samples": 2}]})
    for stage in ("prepare", "generate", "filter", "generate-2", "filter-2"):
        done = subprocess.run(
            [sys.executable, "-m", "thinksafe", "worker", stage, file, "--uid", "u", "--store", folder / "store"],
            env=environment(folder / "scratch"), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-1500:]
    store = open_store(Storage(uri=f"file://{folder / 'store'}"))
    run = runs.load(store, read(file).spec, "default", "small", "u")
    choose(run)
    return run


def rows(run: runs.Run, node: str) -> list[dict]:
    artifact: Artifact = run.artifact(node)
    return list(artifact.rows())


def test_only_prompts_without_a_kept_response_climb(climbed):
    kept = {r["id"] for r in rows(climbed, "dataset") if r["rung"] == 1}
    prompts = {r["id"] for r in rows(climbed, "prompts")}
    second = [r["id"] for r in rows(climbed, "responses-2")]
    assert set(second) == prompts - kept
    assert len(second) == 2 * len(set(second))
    assert len(set(second)) > 12  # without steering the base complies


def test_the_second_template_brings_what_the_first_did_not(climbed):
    dataset = rows(climbed, "dataset")
    assert len({r["id"] for r in dataset}) == len(dataset)
    harmful = [r for r in dataset if r["label"] == "harmful"]
    assert {(r["rung"], r["template"]) for r in harmful} >= {(2, "prefix")}
    manifest_of = climbed.artifact("dataset").manifest()
    covered = {
        (c["label"], c["rung"]): c["covered"]
        for c in retention.coverage(manifest_of["counts"], manifest_of["prompts"])
    }
    assert covered["harmful", 2] > 4 * max(covered["harmful", 1], 1)
    assert covered["harmful", 2] == len(harmful)


def test_the_samples_of_a_prompt_have_seeds_of_their_own(climbed):
    drawn = rows(climbed, "responses-1") + rows(climbed, "responses-2")
    assert len({r["seed"] for r in drawn}) == len(drawn)
