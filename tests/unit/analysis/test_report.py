"""The page: whole, valid, self-contained, safe against names, and made from whatever a run has."""

import re
from html.parser import HTMLParser

import pytest

from thinksafe.analysis import report
from thinksafe.errors import DataError

from .samples import document

VOID = {"meta", "link", "br", "img", "input", "hr"}
SECTIONS = ["verdict", "numbers", "gate", "signatures", "outcome", "data", "work", "lineage"]
FIGURES = ["plane", "beside", "retention", "lengths-kept", "tilt", "perplexity", "lengths-answers", "training", "cost"]
PARTS = [  # every optional part is left out once
    ("metrics", "coverage", "training", "lineage"), ("retention", "lengths", "prompts", "notes"),
    ("perplexity", "tilt", "cost", "signatures"),
]
EVIL = '</title><script>alert("x")</script>\'"&$x$'


class Page(HTMLParser):
    """Reads a page, insisting that every element is closed in order."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        self.text += data

    def ids(self):
        return [attrs["id"] for _, attrs in self.elements if "id" in attrs]


@pytest.fixture(scope="module")
def page():
    return report.render(document())


@pytest.fixture(scope="module")
def failed():
    return report.render(document(good=False))


def test_every_section_and_figure_is_there_with_the_verdict_first(page):
    ids = Page(page).ids()
    assert [i for i in ids if i in SECTIONS] == SECTIONS
    assert sorted(i for i in ids if i.startswith("figure-")) == sorted(f"figure-{name}" for name in FIGURES)
    assert page.index("The gate passed") < page.index("Base beside adapter")


@pytest.mark.parametrize("which", ["page", "failed"])
def test_ids_are_unique_and_every_reference_is_to_one(which, request):
    text = request.getfixturevalue(which)
    read = Page(text)
    ids = read.ids()
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r"url\(#([^)]+)\)", text))
    for _, attrs in read.elements:
        wanted |= {name for key in ("aria-labelledby", "aria-describedby") for name in (attrs.get(key) or "").split()}
        if (attrs.get("href") or "").startswith("#"):
            wanted.add(attrs["href"][1:])
    assert wanted <= set(ids)


@pytest.mark.parametrize("which", ["page", "failed"])
def test_nothing_is_fetched_and_nothing_runs(which, request):
    text = request.getfixturevalue(which)
    for tag, attrs in Page(text).elements:
        assert tag not in {"script", "iframe", "object", "embed", "base", "form"}
        assert not [key for key in attrs if key.startswith("on") or key in {"src", "srcset", "action"}]
        link = attrs.get("href") or attrs.get("xlink:href")
        assert link is None or link.startswith("#") or link == "data:,"
    assert "@import" not in text and "@font-face" not in text
    assert re.findall(r"url\((?!#)", text) == []
    assert "default-src 'none'" in text


def test_every_figure_has_a_title_a_description_and_its_numbers(page):
    for name in FIGURES:
        figure = page[page.index(f'id="figure-{name}"') :]
        figure = figure[: figure.index("</figure>")]
        assert f'aria-labelledby="{name}-title" aria-describedby="{name}-desc"' in figure
        description = re.search(rf'id="{name}-desc">([^<]+)<', figure)
        assert description and len(description[1]) > 40
        assert "<tbody>" in figure and "<td>" in figure


def test_figures_take_the_pages_colours(page):
    drawn = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert re.findall(r"#[0-9a-fA-F]{6}\b", drawn) == []
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    for scheme in page.split("@media (prefers-color-scheme: dark)", 1):
        colours = used - {"--font", "--mono"}
        assert {name for name in colours if f"{name}:" not in scheme} == set()


def test_a_failed_run_says_so_with_evidence_and_what_to_do(failed):
    text = Page(failed).text
    assert "The gate did not pass" in text and "3 of 5 checks failed" in text
    assert "What to do." in text and "over-refusal" in text and "unscored" in text and "cut off" in text


def test_one_summary_gives_one_page(page):
    assert report.render(document()) == page


@pytest.mark.parametrize("parts", PARTS)
def test_a_run_without_some_parts_still_has_its_page(parts):
    whole = document()
    for part in parts:
        del whole[part]
    assert [i for i in Page(report.render(whole)).ids() if i in SECTIONS and i != "outcome"] == [
        s for s in SECTIONS if s != "outcome"]


def test_a_run_with_nothing_but_a_verdict_has_its_page():
    bare = {"run": {"name": "a"}, "gate": {"passed": False, "rules": [], "sentence": "Nothing was measured."}}
    text = Page(report.render(bare)).text
    assert "No benchmark was run." in text and "The gate has no rules" in text


def test_odd_numbers_do_not_break_it():
    odd = document()
    for metric in odd["metrics"]:
        metric |= {"value": None, "low": None, "high": None, "n": 0, "difference": None}
    for row in odd["perplexity"]:
        row |= {"low": None, "high": None}
    odd["training"]["curve"] = [{"step": 1, "loss": None}, {"step": 2, "loss": 0.5}]
    odd["retention"] = [{"label": "harmful", "kept": 0, "total": 0}, {"label": "x", "kept": 3, "total": 3}]
    odd["cost"] = [{"stage": "train", "seconds": 0.0}, {"stage": "report", "cached": True}]
    odd["lengths"] = [
        {"what": "kept harmful", "below": 8, "count": 3}, {"what": "kept benign", "below": 11, "count": 0}]
    assert "not scored" in Page(report.render(odd)).text


def test_only_harmful_or_only_one_model_is_drawn_as_far_as_it_goes():
    whole = document()
    whole["metrics"] = [m for m in whole["metrics"] if m["kind"] == "harmful" and m["model"] == "base"]
    ids = Page(report.render(whole)).ids()
    assert "figure-beside" in ids and "figure-plane" not in ids


def test_names_cannot_become_markup():
    evil = document()
    evil["run"] |= {"name": EVIL, "namespace": EVIL}
    evil["gate"]["sentence"] = EVIL
    evil["gate"]["rules"][0]["sentence"] = EVIL
    evil["notes"] = [EVIL]
    evil["lineage"] = {EVIL: {EVIL: EVIL}, "model": {"name": EVIL}, "deep": [{"a": [EVIL]}]}
    evil["signatures"] = [{"code": EVIL, "evidence": EVIL, "hint": EVIL}]
    evil["prompts"] = {"read": {EVIL: 1}, "removed": {EVIL: 1}, "labels": {EVIL: 1}}
    for key, name in (("metrics", "benchmark"), ("metrics", "metric"), ("cost", "stage"), ("retention", "label"),
                      ("coverage", "label"), ("perplexity", "label")):
        evil[key][0][name] = EVIL
    evil["retention"][0]["reasons"] = {EVIL: 3}
    evil["lengths"][0]["what"] = f"kept {EVIL}"
    read = Page(report.render(evil))
    assert "script" not in {tag for tag, _ in read.elements}
    assert read.text.count('alert("x")') > 15


def test_what_is_no_summary_is_bad_data():
    with pytest.raises(DataError):
        report.render({"run": {"name": "x"}})


def test_the_guards_of_a_quorum_are_set_beside_each_other(page):
    assert "agreement" not in Page(page).ids()
    pair = {"first": "guard (org/one)", "second": f"guard-2 ({EVIL})", "both_safe": 300, "both_unsafe": 40,
            "only_first_unsafe": 3, "only_second_unsafe": 7, "unscored": 5, "n": 350, "kappa": 0.873}  # fmt: skip
    made = Page(report.render(document(agreement=[pair, {**pair, "kappa": None}])))
    assert "agreement" in made.ids()
    assert "0.87" in made.text and "n = 350" in made.text and EVIL in made.text
