"""What a variant's entry tells, what it cost beyond what it shares, and that the page shows it all."""

import json

import pytest
from rich.console import Console

from thinksafe.analysis.experiment import document as documents
from thinksafe.analysis.experiment import page, terminal
from thinksafe.analysis.experiment.combine import combine, flat
from thinksafe.errors import DataError
from thinksafe.stages.comparison import last_words
from thinksafe.stages.words import BYTES, fitted

from .variants import given, unmeasured, verdicts

NAME = {"name": "e", "namespace": "default", "uid": "u"}
SCORES = verdicts(harm=[0] * 10 + [1] * 10, sums=[1] * 20)


@pytest.fixture(scope="module")
def document():
    a = given("a", SCORES, digests={"generate/1": 10, "train/1": 5})
    b = given("b", verdicts(harm=[1] * 20, sums=[1] * 20), digests={"generate/1": 10, "train/2": 7},
              patch={"training": {"epochs": 1}, "prompts": [{"source": "x"}]}, generator_from="a")  # fmt: skip
    return combine(NAME, "a", [a, b, unmeasured("c<script>", "Failed", "Why <b>not</b>.")])


def test_what_an_earlier_variant_has_too_costs_a_later_one_nothing(document):
    costs = {v["name"]: v["cost"] for v in document["variants"]}
    assert (costs["a"]["own"]["seconds"], costs["a"]["alone"]["seconds"]) == (15, 15)
    assert (costs["b"]["own"]["seconds"], costs["b"]["alone"]["seconds"]) == (7, 17)
    assert (costs["b"]["own"]["stages"], costs["b"]["alone"]["stages"]) == (1, 2)
    assert costs["c<script>"]["alone"]["artifacts"] == 0


def test_a_patch_is_told_by_its_places():
    patch = {"training": {"epochs": 1, "rank": {}}, "prompts": [{"source": "x"}], "generator": None}
    assert flat(patch) == {"training.epochs": 1, "training.rank": {}, "prompts": [{"source": "x"}], "generator": None}


def test_the_document_is_read_back_and_an_unknown_field_is_refused(document):
    assert documents.read(json.loads(json.dumps(document))).baseline == "a"
    with pytest.raises(DataError, match=r"rows\.0\.response"):
        documents.read({**document, "rows": [{**document["rows"][0], "response": "no text of a row"}]})


def test_the_page_needs_nothing_else_and_escapes_what_it_is_told(document):
    html = page.render(document)
    assert (
        "<script" not in html
        and "Why <b>" not in html
        and "src=" not in html
        and "http:" not in html
        and "https:" not in html
    )
    for wanted in ("../../../../runs/default/e-a/u/index.html", "table.csv", "training.epochs", "Bonferroni",
                   "c&lt;script&gt;", "Why &lt;b&gt;not", "After a", "+50.0"):  # fmt: skip
        assert wanted in html, wanted


def test_how_the_data_was_made_is_told_in_sentences():
    tilt = {"rung": 1, "rows": 178, "mean": 5.25, "spread": 0.4}
    pair = {"first": "a", "second": "b", "both_safe": 90, "both_unsafe": 5, "n": 100, "kappa": None}
    said = list(page.told({"probe": {"chosen": "risk"}, "tilt": [tilt], "agreement": [pair]}))
    assert ["risk" in said[0], "5.2 nats" in said[1], "95 of 100" in said[2]] == [True] * 3
    assert list(page.told({})) == []


def test_a_page_of_nothing_measured_is_still_a_page():
    html = page.render(combine(NAME, "a", [unmeasured("a"), unmeasured("b")]))
    assert "No variant has been measured." in html and "Stage train ended." in html


def test_the_terminal_shows_every_variant_on_every_benchmark(document):
    out = Console(width=100, record=True)
    terminal.show(document, out)
    text = out.export_text()
    assert text.count("c<script>") >= 2 and "+50.0" in text and "2 comparisons" in text


def test_the_last_words_of_a_large_experiment_fit_and_keep_every_decision():
    variants = [given(f"v{i}", SCORES) for i in range(32)]
    found = combine(NAME, "v0", variants)
    found["rounds"] = {f"v{i}": {"go": i % 2 == 0, "why": "because " * 60} for i in range(32)}
    told = last_words(found, "s3://bucket/experiments/default/e/u/index.html")
    line = fitted(told)
    assert len(line.encode()) <= BYTES
    said = json.loads(line)
    assert {n: r["go"] for n, r in said["rounds"].items()} == {f"v{i}": i % 2 == 0 for i in range(32)}
    assert 0 < len(said["results"]) < len(found["rows"])
    assert said["report"].startswith("s3://") and said["stage"] == "compare" and said["code"] == 0


def test_the_last_words_of_a_small_one_have_its_results(document):
    said = last_words(document, "x")
    results = said["results"]
    assert isinstance(results, list)
    assert {(r["variant"], r["benchmark"]) for r in results} == {(v, b) for v in ("a", "b") for b in ("harm", "sums")}
