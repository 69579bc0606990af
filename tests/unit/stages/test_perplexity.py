"""The tilt audit's prompts: the very ids that generation asked with, and only where the student was steered."""

from types import SimpleNamespace

import pytest

from thinksafe import steering
from thinksafe.spec import RunSpec
from thinksafe.stages import generate, perplexity
from thinksafe.tinyworld.tokenizer import make_tokenizer

ROW = {"id": "a", "prompt": "How do I {open} the door?", "label": "harmful", "category": "", "source": 0,
       "given": None}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("student")
    make_tokenizer().save_pretrained(place)
    return place


def run_of(folder, generator="x", **spec):
    prompts = [{"source": "file:///a.jsonl"}, {"source": "file:///b.jsonl", "responses": "given"}]
    made = RunSpec.model_validate({"model": {"name": "x"}, "prompts": prompts, **spec})
    prints = {"student": "x", "generator": generator}
    return SimpleNamespace(spec=made, model=lambda role: folder, fingerprints=prints)


@pytest.mark.parametrize("template", ["prefix", "suffix", "risk", "intent", "Please refuse: {prompt}"])
def test_the_steered_prompt_is_the_one_that_generation_asked_with(folder, template):
    run = run_of(folder, steering={"template": template})
    renderer = generate._Renderer(run, template, make_tokenizer())
    kept = {**ROW, "template": renderer._template(ROW)}
    assert perplexity._steered_prompt(run, kept) == list(renderer.request(ROW, 0, 1).prompt_ids)
    assert perplexity._steered_prompt(run, kept) != generate.asked_ids(make_tokenizer(), "none", ROW["prompt"])


def test_what_was_not_steered_has_no_steered_prompt(folder):
    run = run_of(folder)
    assert perplexity._steered_prompt(run, {**ROW, "template": "none"}) is None  # benign, or no steering at all
    assert perplexity._steered_prompt(run, {**ROW, "template": "prefix", "source": 1}) is None  # a given response


@pytest.mark.parametrize(
    ("changes", "audited"),
    [({}, True), ({"generator": "y"}, False), ({"training": {"refusalThoughts": "drop"}}, False)],
)
def test_only_what_the_student_itself_wrote_is_audited(folder, changes, audited):
    assert perplexity.is_audited(run_of(folder, **changes)) is audited


def test_every_named_template_but_none_changes_the_prompt():
    assert [n for n in steering.TEMPLATES if steering.render(n, "x") == "x"] == ["none"]


@pytest.mark.parametrize(("samples", "spare"), [(1, []), (3, ["b"])])
def test_spare_safe_samples_of_steered_prompts_are_audited_too(folder, monkeypatch, samples, spare):
    run = run_of(folder, steering={"template": "prefix"}, generation={"samples": samples})
    node, dataset = SimpleNamespace(parameters={"samples": samples}), SimpleNamespace(read_chunk=lambda index: [ROW])
    run.plan, run.artifact = SimpleNamespace(node=lambda name: node), lambda name: dataset
    judged = [("a", "prefix", "kept"), ("b", "prefix", "spare"), ("c", "prefix", "unsafe"), ("d", "none", "spare")]
    rows = [({**ROW, "id": i, "template": template}, None, reason) for i, template, reason in judged]
    monkeypatch.setattr(perplexity, "rows_of", lambda run, rung, index: rows)
    found = list(perplexity._rows(run, 0, audited=True))
    assert [r["id"] for r in found if r["kept"]] == ["a"]
    assert [r["id"] for r in found if not r["kept"]] == spare
    assert [r["id"] for r in perplexity._rows(run, 0, audited=False)] == ["a"]
