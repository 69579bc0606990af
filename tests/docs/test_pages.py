"""The pages hold together: every block is of a kind that is run, every link has a target, every picture is one."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from docs.blocks import PAGES, ROOT, blocks, commands
from docs.shell import LANGUAGES, NOT_RUN, OF_THE_SYSTEM, OURS, SHOWN

NOT_RUN_AT_ALL = ("text", "json", "lua", "")
# Our own place; what stands there cannot be looked at from here.
_ELSEWHERE = ("https://", "http://", "mailto:")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_TYPED = re.compile(r"\$ |(kubectl|helm|thinksafe|make|python) ")
_FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`", re.M | re.S)
READ = [page for page in PAGES if page.exists()]


@pytest.mark.parametrize("block", blocks(), ids=lambda b: b.id)
def test_every_block_says_what_it_is(block):
    assert block.language in ("yaml", *LANGUAGES, *NOT_RUN_AT_ALL)
    assert block.language, f"{block.id}: say a language, or `text` for what nobody is to run"


@pytest.mark.parametrize("block", blocks("yaml", *LANGUAGES), ids=lambda b: b.id)
def test_nothing_is_left_open_but_the_known_placeholders(block):
    assert not re.findall(r"<[a-z][a-z -]*>", block.filled)


@pytest.mark.parametrize("block", blocks(*LANGUAGES), ids=lambda b: b.id)
def test_every_command_is_run_or_says_why_not(block):
    known = {*OURS, "kubectl", "helm", *OF_THE_SYSTEM, *NOT_RUN}
    assert {words[0] for words in commands(block.text)} <= known


@pytest.mark.parametrize("block", blocks("text"), ids=lambda b: b.id)
def test_a_command_that_is_only_shown_says_who_runs_it(block):
    typed = [line.removeprefix("$ ") for line in block.text.splitlines() if _TYPED.match(line)]
    assert all(line.startswith(tuple(SHOWN)) for line in typed), typed


@pytest.mark.parametrize("page", READ, ids=lambda p: p.name)
def test_no_command_hides_in_an_indented_block(page):
    """Those are for drawings; the reader of blocks does not see them."""
    words = "|".join((*OURS, "kubectl", "helm", *NOT_RUN))
    hidden = re.findall(rf"^ {{4,}}(?:{words}) .*$", _CODE.sub("", page.read_text()), re.M)
    assert not hidden


@pytest.mark.parametrize("page", READ, ids=lambda p: p.name)
def test_every_link_has_a_target(page):
    broken = []
    for target in _LINK.findall(_CODE.sub("", page.read_text())):
        place, _, anchor = target.partition("#")
        file = (page.parent / place).resolve() if place else page
        if target.startswith(_ELSEWHERE):
            continue
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as a forge makes them."""
    text = _FENCED.sub("", page.read_text())
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", READ, ids=lambda p: p.name)
def test_every_test_that_is_named_is_there(page):
    """A page that says what shows something is believed."""
    gone = []
    for file, name in re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", page.read_text()):
        source = (ROOT / file).read_text() if (ROOT / file).exists() else None
        if source is None or (name and f"def {name}(" not in source):
            gone.append(f"{file}::{name}")
    assert not gone


@pytest.mark.parametrize("page", READ, ids=lambda p: p.name)
def test_every_target_of_make_is_one(page):
    """Those in a sentence, too."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    said = [found[1] for code in _CODE.findall(page.read_text()) for found in re.finditer(r"\bmake ([a-z-]+)", code)]
    assert not set(said) - targets


def test_the_picture_is_one_without_anything_that_runs():
    root = ET.parse(ROOT / "docs" / "images" / "flow.svg").getroot()
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names >= {"rect", "text", "title"}
    assert not names & {"script", "foreignObject", "image"}
    words = " ".join(element.text or "" for element in root.iter())
    for stage in ("prepare", "generate", "filter", "train", "evaluate", "report", "operator", "store"):
        assert stage in words
