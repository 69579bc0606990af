"""docs/troubleshooting.md has an entry for every reason there is, in the section of its group, and for no other."""

import re

from docs.blocks import ROOT
from thinksafe_operator import reasons
from thinksafe_operator.reasons import Reason

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
SECTIONS = {
    "terminal": "What ends the run",
    "human": "What waits for you",
    "heals": "What heals by itself",
    "state": "How things stand",
}


def section(title: str) -> str:
    return PAGE.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def entries(text: str) -> list[str]:
    """The reasons that have a heading or a row of a table."""
    return [heading or row for heading, row in re.findall(r"^### (\w+)$|^\| `(\w+)` \|", text, re.M)]


def test_every_reason_has_one_entry_in_the_section_of_its_group():
    for group, title in SECTIONS.items():
        wanted = [str(reason) for reason in Reason if reasons.group(reason) == group]
        assert sorted(entries(section(title))) == sorted(wanted), title


def test_there_is_no_entry_outside_of_the_sections():
    assert sorted(entries(PAGE)) == sorted(str(reason) for reason in Reason)


def test_every_trouble_says_what_it_means_how_to_see_it_and_what_to_do():
    for group in ("terminal", "human", "heals"):
        for entry in section(SECTIONS[group]).split("\n### ")[1:]:
            name = entry.partition("\n")[0]
            assert re.findall(r"^- \*(\w+)\*: ", entry, re.M) == ["Means", "See", "Do"], name


def test_every_state_says_where_it_stands_what_it_means_and_what_to_do():
    rows = [line for line in section(SECTIONS["state"]).splitlines() if line.startswith("| `")]
    for row in rows:
        _, where, means, todo = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert where, row
        assert means.endswith("."), row
        assert todo.endswith("."), row
