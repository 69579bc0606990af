"""The probe of `template: auto`: its steps, its models, its sample, and workers who share it and may die."""

import dataclasses
from contextlib import contextmanager
from pathlib import Path

import pytest

from thinksafe import plan, tinyworld
from thinksafe.artifacts.store import Missing, open_store
from thinksafe.engines.base import Completion, LabelScore
from thinksafe.local import probe_line
from thinksafe.spec import RunSpec, Storage
from thinksafe.stages import fetching, generate, probe, schemas
from thinksafe.stages import run as runs
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.streaming import Share
from thinksafe.stages.worker import Bench

SPEC = {
    "model": {"name": "tiny://student"},
    "prompts": [{"source": "tiny://prompts"}],
    "guard": {"name": "tiny://guard", "family": "tiny"},
    "steering": {"template": "auto", "probe": {"prompts": 6, "candidates": ["none", "prefix", "risk"]}},
}
PRINTS = {k: k for k in ("student", "generator", "guard", "judge", "prompts/0")}
REFUSAL = "<think>\nThis is bad.\n</think>\n\nI cannot help with that."
ANSWER = "<think>\nFine.\n</think>\n\nSure. Step one: look."


def task(stage, step=""):
    return Assignment(Path("run.yaml"), Storage(uri="file:///x"), stage, "u", step=step)


def test_the_probe_is_two_steps_before_the_first_generate_alone():
    assert [t.step for t in task("generate").steps(probes=True)] == ["probe", "judge-probe", ""]
    assert [t.step for t in task("generate").steps()] == [""]
    assert [t.step for t in task("generate-2").steps(probes=True)] == [""]
    assert [t.step for t in task("filter").steps(probes=True)] == [""]


def test_generate_fetches_the_guard_only_to_probe():
    hub = {**SPEC, "guard": {"name": "org/guard", "family": "tiny"}}
    env = {"HF_HOME": "/scratch/hf", "THINKSAFE_SCRATCH": "/scratch"}
    auto, named = (RunSpec.model_validate({**hub, "steering": s}) for s in (SPEC["steering"], {"template": "risk"}))
    assert fetching.roles(auto, task("generate"), env) == ["guard"]
    assert fetching.roles(auto, task("generate-2"), env) == [] == fetching.roles(named, task("generate"), env)


@pytest.fixture
def run(tmp_path, monkeypatch):
    spec = RunSpec.model_validate(SPEC)
    made = runs.Run("a", "default", "u", spec, open_store(Storage(uri=f"file://{tmp_path}")),
                    plan.make(spec, PRINTS), PRINTS)  # fmt: skip
    monkeypatch.setattr(runs.Run, "model", lambda self, role: tinyworld.model_path("student"))
    monkeypatch.setattr(runs.Run, "finish", lambda self, node, **fields: self.artifact(node).finish(fields))
    prompts = made.artifact("prompts")
    for chunk in range(2):
        rows = [
            {"id": f"{label}-{chunk}-{i}", "prompt": f"How do I do {label} thing {i}?", "label": label, "category": "",
             "source": 0, "given": "x" if i == 9 else None}
            for label in ("harmful", "benign") for i in range(10)
        ]  # fmt: skip
        prompts.commit_chunk(chunk, rows, schemas.PROMPTS)
    prompts.finish({"chunks": 2})
    return made


class Models:
    """A generator that refuses every prompt with `harmful` or a harmful steering in it, and a guard that knows."""

    def __init__(self, dies_after=None):
        self.asked, self.left = 0, dies_after

    def generate(self, requests):
        tokenizer = generate.tokenization.load(tinyworld.model_path("student"))
        for request in requests:
            if self.left == self.asked:
                raise ConnectionError("this worker is gone")
            self.asked += 1
            text = tokenizer.decode(request.prompt_ids)
            refuses = "Evaluate" in text or ("prompt is harmful" in text and "do harmful thing" in text)
            yield Completion(request.key, (1, 2), REFUSAL if refuses else ANSWER, "stop")

    def score_labels(self, requests):
        tokenizer = generate.tokenization.load(tinyworld.model_path("student"))
        for request in requests:
            safe = "cannot help" in tokenizer.decode(request.prompt_ids)
            yield LabelScore(request.key, (-0.01, -9.0) if safe else (-9.0, -0.01))


def use(monkeypatch, engine):
    @contextmanager
    def opened(*_):
        yield engine

    monkeypatch.setattr(probe, "open_generator", opened)
    monkeypatch.setattr(probe.Judge, "engine", opened)


def both(run, share=Share()):  # noqa: B008
    probe.answer(run, share, Bench(run, f"w{share.index}"))
    probe.judge(run, share, Bench(run, f"w{share.index}"))


def test_the_template_that_flips_harmful_prompts_and_no_benign_ones_is_taken(run, monkeypatch):
    use(monkeypatch, Models())
    with pytest.raises(Missing):
        run.template(1)
    both(run)
    outcome = run.artifact("probe-scores").manifest()["outcome"]
    told = {t["template"]: (t["flips"]["hits"], t["refusals"]["hits"], t["flips"]["n"]) for t in outcome["tried"]}
    assert told == {"none": (0, 0, 6), "prefix": (6, 0, 6), "risk": (6, 6, 6)}
    assert run.template(1) == "prefix"
    assert probe_line(outcome) == "template prefix (6 of 6 flipped, 0 of 6 benign refused)"


def test_the_sample_is_the_same_for_all_and_has_no_given_rows(run):
    found = probe.sampled(run, 6)
    assert {label: len(rows) for label, rows in found.items()} == {"harmful": 6, "benign": 6}
    assert found == probe.sampled(run, 6)
    everything = probe.sampled(run, 500)
    assert len(everything["harmful"]) == 18 and all(r["given"] is None for rows in everything.values() for r in rows)
    assert found["benign"] == everything["benign"][:6]


def test_a_worker_that_dies_leaves_what_another_one_makes(run, monkeypatch):
    use(monkeypatch, Models(dies_after=13))
    with pytest.raises(ConnectionError):
        both(run, Share(0, 2))
    committed = len(run.artifact("probe-responses").committed())
    assert 0 < committed < 6
    other = Models()
    use(monkeypatch, other)
    both(run, Share(1, 2))  # it does not wait for the first
    assert other.asked == 36 - 6 * committed
    assert run.template(1) == "prefix"


def test_a_worker_that_comes_late_makes_nothing_twice(run, monkeypatch):
    use(monkeypatch, Models())
    both(run, Share(0, 2))
    late = Models(dies_after=0)
    use(monkeypatch, late)
    both(run, Share(1, 2))
    assert late.asked == 0


@pytest.mark.parametrize(
    ("change", "hits"), [({"finish_reason": "length"}, (0, 6)), ({"text": "<think>\nno end"}, (0, 6)),
                         ({"text": REFUSAL}, (6, 6))],
)  # fmt: skip
def test_what_is_of_no_use_is_no_flip_and_no_help(run, monkeypatch, change, hits):
    class Broken(Models):
        def generate(self, requests):
            for done in super().generate(requests):
                yield dataclasses.replace(done, **change)

    use(monkeypatch, Broken())
    both(run)
    tried = run.artifact("probe-scores").manifest()["outcome"]["tried"]
    assert {(t["flips"]["hits"], t["refusals"]["hits"]) for t in tried} == {hits}


def test_another_threshold_may_choose_another_template_so_it_is_in_the_digest():
    def digests(**guard):
        spec = RunSpec.model_validate({**SPEC, "guard": {**SPEC["guard"], **guard}})
        return {n.name: n.digest for n in plan.make(spec, PRINTS).nodes}

    before, after = digests(), digests(threshold=0.4)
    assert before["probe-responses"] == after["probe-responses"]
    assert before["probe-scores"] != after["probe-scores"] and before["responses-1"] != after["responses-1"]


def test_without_auto_there_is_no_probe_and_its_settings_change_no_digest():
    named = {**SPEC, "steering": {"template": "prefix"}}
    other = {**SPEC, "steering": {"template": "prefix", "probe": {"prompts": 3}}}
    made = [plan.make(RunSpec.model_validate(s), PRINTS) for s in (named, other)]
    assert made[0] == made[1] and not [n for n in made[0].nodes if n.name.startswith("probe")]
