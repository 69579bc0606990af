"""Public data sets in their own files through all six stages, with the tiny models: the plumbing, not the quality.

The files are not part of the repository; without them these tests are skipped. Their text is offensive by design,
so assertions here compare counts and ids, never text.
"""

import json
import os
from pathlib import Path

import pytest
from integration.runs import manifest, thinksafe

from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import open_store
from thinksafe.spec import Storage

DATA = Path(os.environ.get("THINKSAFE_DATA", Path(__file__).parents[3] / "shared" / "data"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not (DATA / "star1.json").exists(), reason=f"no public data sets in {DATA} ($THINKSAFE_DATA)"),
]


def source(file: str, **fields: object) -> dict:
    return {"source": f"file://{DATA / file}", **fields}


def made(store: Path, kind: str) -> Artifact:
    (digest,) = (store / "artifacts" / kind).iterdir()
    return Artifact(open_store(Storage(uri=f"file://{store}")), kind, digest.name)


def test_harmbench_xstest_and_star1_prompts_go_through_all_six_stages(tmp_path):
    file = manifest(
        tmp_path,
        "public",
        prompts=[
            source("harmbench_behaviors_text_all.csv", limit={"harmful": 16}),
            source("xstest_prompts.csv", limit={"harmful": 8, "benign": 16}),
            source("star1.json", limit={"harmful": 8}),
            source("harmbench_behaviors_text_all.csv", format="harmbench", limit={"harmful": 4}),
        ],
        dedup={"near": 0.8},
        guard={"threshold": 0.999, "minLabelMass": 0.0},  # a guard of another world; only the plumbing is tested
        evaluation={
            "benchmarks": ["advbench", "xstest", "gsm8k", "math500"],
            "sources": {
                "advbench": f"file://{DATA / 'advbench_behaviors.csv'}",
                "xstest": f"file://{DATA / 'xstest_prompts.csv'}",
                "gsm8k": f"file://{DATA / 'gsm8k_test.jsonl'}",
                "math500": f"file://{DATA / 'math500.jsonl'}",
            },
            "limit": 8,
        },
    )
    done = thinksafe("run", file, "--store", tmp_path / "store", scratch=tmp_path / "scratch")
    assert done.returncode == 0, done.stderr[-1500:]

    prompts = made(tmp_path / "store", "prompts").manifest()
    assert sum(prompts["read"].values()) == sum(prompts["labels"].values()) + sum(prompts["removed"].values())
    assert sum(prompts["removed"].values()) >= 4  # the second HarmBench source is the first one's again
    responses = made(tmp_path / "store", "responses")
    assert responses.manifest()["rows"] == prompts["rows"]
    counts = made(tmp_path / "store", "dataset").manifest()["counts"]
    assert sum(c["count"] for c in counts) == prompts["rows"]
    (summary,) = (tmp_path / "store" / "runs").rglob("summary.json")
    kinds = {m["kind"] for m in json.loads(summary.read_text())["metrics"]}
    assert kinds == {"harmful", "refusal", "accuracy"}


def test_prompts_that_are_evaluated_on_are_taken_out_of_training(tmp_path):
    file = manifest(
        tmp_path,
        "tainted",
        prompts=[source("xstest_prompts.csv"), source("star1.json", limit={"harmful": 8})],
        evaluation={"benchmarks": ["xstest"], "sources": {"xstest": f"file://{DATA / 'xstest_prompts.csv'}"}},
    )
    file.write_text(file.read_text().replace("limit: 12", "limit: null"))
    prepared = thinksafe(
        "worker", "prepare", file, "--uid", "u", "--store", tmp_path / "store", scratch=tmp_path / "scratch"
    )
    # Every benign prompt stands in the benchmark, so none is left: that must be told, not trained on.
    assert prepared.returncode == 65
    assert json.loads(prepared.stdout.splitlines()[-1])["reason"] == "NoBenignRows"


def test_star1s_own_answers_are_filtered_measured_and_trained_on(tmp_path):
    file = manifest(
        tmp_path,
        "star1",
        prompts=[source("star1.json", responses="given", limit={"harmful": 24, "benign": 0})],
        guard={"threshold": 0.999, "minLabelMass": 0.0},
        training={"maxLength": 4096, "tokensPerPack": 4096},
        evaluation={"benchmarks": ["tiny-problems"], "limit": 6},
        gate={"rules": [{"kind": "accuracy", "maxDrop": 1.0, "minSamples": 1}]},
    )
    done = thinksafe("run", file, "--store", tmp_path / "store", scratch=tmp_path / "scratch")
    assert done.returncode == 0, done.stderr[-1500:]
    responses = list(made(tmp_path / "store", "responses").rows())
    assert {r["finish_reason"] for r in responses} == {"given"}
    (summary,) = (tmp_path / "store" / "runs").rglob("summary.json")
    document = json.loads(summary.read_text())
    (harmful,) = [r for r in document["retention"] if r["label"] == "harmful"]
    assert harmful["total"] == 24 and harmful["kept"] > 0
    (perplexity,) = [p for p in document["perplexity"] if p["label"] == "harmful"]
    assert perplexity["value"] > 5  # another author's style is a surprise to the student (Fig 8 of the paper)
    assert {s["code"] for s in document["signatures"]} & {"high-perplexity"}
