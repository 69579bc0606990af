"""A whole run with the real command: what it makes, and that a second one computes nothing."""

import json
import re

import pytest
from integration.runs import manifest, objects, thinksafe

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished small run: its folder, its manifest and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    file = manifest(folder)
    (folder / "tmp").mkdir()
    done = thinksafe("run", file, "--store", folder / "store", scratch=folder / "scratch", TMPDIR=str(folder / "tmp"))
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return folder, file, done.stdout


def artifacts(folder, kind):
    store = open_store(Storage(uri=f"file://{folder / 'store'}"))
    return [Artifact(store, kind, path.name) for path in sorted((folder / "store" / "artifacts" / kind).iterdir())]


def test_the_terminal_shows_base_beside_adapted_the_verdict_and_the_report(finished):
    folder, _, printed = finished
    for word in ("base", "tiny-harmful", "tiny-problems", "erplexity"):
        assert word in printed
    assert re.search(r"gate", printed, re.IGNORECASE)
    assert (folder / "store" / "runs").is_dir()
    assert re.search(r"Report: (\S+index\.html)", printed)


def test_a_run_that_succeeded_leaves_no_log_lying_about(finished):
    folder, *_ = finished
    assert [path.name for path in (folder / "tmp").iterdir() if path.name.startswith("thinksafe-")] == []


def test_every_prompt_is_in_the_responses_once(finished):
    folder, _, _ = finished
    (prompts,), (responses,) = artifacts(folder, "prompts"), artifacts(folder, "responses")
    assert sorted(r["id"] for r in prompts.rows()) == sorted(r["id"] for r in responses.rows())


def test_only_harmful_prompts_are_steered_and_training_never_sees_the_steering(finished):
    from thinksafe import models, tokenization

    folder, _, _ = finished
    tokenizer = tokenization.load(models.local_path("tiny://student"))
    (dataset,) = artifacts(folder, "dataset")
    rows = list(dataset.rows())
    assert {r["label"] for r in rows} == {"harmful", "benign"}
    for row in rows:
        assert row["template"] == ("prefix" if row["label"] == "harmful" else "none")
        assert row["prompt_ids"] == tokenization.prompt_ids(tokenizer, row["prompt"])
        assert tokenizer.decode(row["response_ids"], skip_special_tokens=True) == row["response"]
        assert row["p_unsafe"] < 0.5


def test_every_artifact_is_what_its_manifest_says(finished):
    folder, _, _ = finished
    kinds = [p.name for p in (folder / "store" / "artifacts").iterdir()]
    assert len(kinds) == 10
    for kind in kinds:
        for artifact in artifacts(folder, kind):
            assert artifact.verify() == []


def test_the_summary_holds_numbers_and_no_text_of_a_row(finished):
    folder, _, _ = finished
    (summary,) = (folder / "store" / "runs").rglob("summary.json")
    document = json.loads(summary.read_text())
    assert document["schema"] == "thinksafe.dev/summary/v1"
    assert {m["model"] for m in document["metrics"]} == {"base", "aligned"}
    page = summary.with_name("index.html").read_text()
    (prompts,), (responses,) = artifacts(folder, "prompts"), artifacts(folder, "responses")
    for text in [*(r["prompt"] for r in prompts.rows()), *(r["response"] for r in responses.rows())]:
        assert text not in page and text not in summary.read_text()


def test_a_second_run_computes_nothing_and_says_so(finished):
    folder, file, _ = finished
    before = objects(folder / "store")
    again = thinksafe("run", file, "--store", folder / "store", scratch=folder / "other")
    assert again.returncode == 0
    assert again.stdout.count("from the store") >= 4
    assert objects(folder / "store") == before


def test_another_threshold_needs_no_model_before_training(finished):
    folder, _, _ = finished
    file = manifest(folder, "stricter", guard={"threshold": 0.3})
    planned = thinksafe("plan", file, "--store", folder / "store", scratch=folder / "scratch").stdout
    state = {line.split()[1]: line.split()[-1] for line in planned.splitlines()[1:]}
    assert (state["responses-1"], state["scores-1"], state["answers-base"]) == ("yes", "yes", "yes")
    assert (state["dataset"], state["adapter"]) == ("no", "no")


def test_a_closed_gate_publishes_nothing_and_an_open_one_publishes_the_adapter(finished):
    folder, _, _ = finished
    closed = manifest(folder, "closed", gate={"rules": [{"kind": "refusal", "min": 1.0, "minSamples": 1}]})
    done = thinksafe("run", closed, "--store", folder / "store", scratch=folder / "scratch")
    assert done.returncode == 0
    assert not (folder / "store" / "released" / "closed").exists()
    opened = manifest(folder, "opened", gate={"rules": [{"kind": "harmful", "max": 1.0, "minSamples": 1}]})
    assert thinksafe("run", opened, "--store", folder / "store", scratch=folder / "scratch").returncode == 0
    (pointer,) = (folder / "store" / "released" / "opened").glob("current.json")
    place = folder / "store" / json.loads(pointer.read_text())["folder"]
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= {p.name for p in place.iterdir()}
    checked = thinksafe("verify", place, "--base-model", "tiny://student?seed=0", scratch=folder / "scratch")
    assert checked.returncode == 0 and "The gate passed" in checked.stdout, checked.stderr
    (place / "adapter_config.json").write_text("{}")
    changed = thinksafe("verify", place, scratch=folder / "scratch")
    assert changed.returncode == 65 and "adapter_config.json: was changed" in changed.stderr
