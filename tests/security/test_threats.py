"""docs/security.md: every threat names a test, every named test is there, and none of this folder is left out."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)(?:\[([^\]]+)\])?`")


def threats() -> list[str]:
    """The rows of the tables about threats, without their headings."""
    section = PAGE.partition("\n## Threats\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [row for row in rows if not row.startswith(("| what could be tried", "| ---"))]


def named() -> list[tuple[str, str, str]]:
    return TEST.findall(PAGE)


def test_there_are_threats():
    assert len(threats()) > 25


@pytest.mark.parametrize("row", threats(), ids=lambda row: row.split("|")[1].strip()[:50])
def test_a_threat_says_what_holds_it_off_and_names_a_test(row: str):
    threat, held, tests = (cell.strip() for cell in row.strip("|").split("|"))
    assert threat and held
    assert TEST.search(tests) and not TEST.sub("", tests).strip(), tests


@pytest.mark.parametrize(("file", "test", "case"), sorted(set(named())))
def test_a_test_that_is_named_is_there(file: str, test: str, case: str):
    source = (ROOT / file).read_text()
    assert re.search(rf"^ *(async )?def {test}\(", source, re.M)
    assert not case or f'"{case}"' in source


def test_every_file_of_this_folder_holds_a_threat_off():
    files = {f"tests/security/{f.name}" for f in Path(__file__).parent.glob("test_*.py") if f != Path(__file__)}
    assert files <= {file for file, _, _ in named()}
