"""Each failure is provoked once, and the report names it: first of all it says, or nothing where all is well."""

import json
import os
import shutil

import pytest
import yaml
from integration.runs import thinksafe

from experiments import world
from thinksafe import manifest, tinyworld
from thinksafe.variants import run_document

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(1800)]

# What the tiny student hardly ever reads: the prompt alone, without turns.
DAMAGED = "{{ messages[0]['content'] }}\n"


@pytest.fixture(scope="module")
def ran(experiment):
    return experiment("signatures")


def named(summary):
    return [s["code"] for s in summary["signatures"]]


def test_where_nothing_is_wrong_nothing_is_named(ran):
    assert named(ran.runs["healthy"]) == []


@pytest.mark.parametrize(
    ("variant", "code"),
    [
        ("foreign", "high-perplexity"),
        ("no-benign", "no-benign-rows"),
        ("strict", "strict-filter"),
        ("runaway", "runaway-thinking"),
        ("nonsense", "guard-unreadable"),
    ],
)
def test_the_report_names_what_is_wrong(ran, variant, code):
    assert named(ran.runs[variant])[0] == code
    others = set(named(ran.runs[variant])) - {code}
    assert not others & {"guard-unreadable", "broken-format", "runaway-thinking", "strict-filter", "no-benign-rows",
                         "high-perplexity", "low-retention"}  # fmt: skip


@pytest.fixture
def other(ran, tmp_path):
    """A function that does the healthy run with other fields, in the experiment's own store."""

    def done(name, **fields):
        healthy = manifest.read_experiment(world.EXAMPLES / "signatures.yaml")
        document = run_document(healthy, healthy.spec.variants[0])
        document["metadata"]["name"] = name
        document["spec"] |= fields
        file = tmp_path / f"{name}.yaml"
        file.write_text(yaml.safe_dump(document))
        ended = thinksafe("run", file, "--store", ran.store, scratch=tmp_path / "scratch")
        pages = sorted((ran.store / "runs" / "default" / name).glob("*/summary.json"), key=os.path.getmtime)
        return ended, json.loads(pages[-1].read_text()) if pages else None

    return done


def test_a_damaged_chat_template_is_a_broken_format(other, tmp_path):
    folder = tmp_path / "student"
    shutil.copytree(tinyworld.model_path("student"), folder)
    (folder / "chat_template.jinja").write_text(DAMAGED)
    ended, summary = other("signatures-damaged", model={"name": f"file://{folder}", "dtype": "float32"})
    assert ended.returncode == 0, ended.stderr[-1000:]
    assert summary is not None and named(summary)[0] == "broken-format"
    assert "low-retention" not in named(summary)


def test_a_guard_that_can_read_nothing_is_named_where_there_is_no_report(other):
    guard = {"name": "tiny://student?seed=0", "family": "tiny", "dtype": "float32"}
    ended, summary = other("signatures-nonsense-guard", guard=guard)
    assert ended.returncode and summary is None
    told = " ".join((ended.stdout + ended.stderr).split())
    assert "nothing was kept" in told and "[guard-unreadable]" in told and "low-retention" not in told
