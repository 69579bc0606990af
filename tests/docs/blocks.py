"""The fenced blocks of the pages that a user reads, as a reader would use them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), ROOT / "charts" / "thinksafe" / "README.md")
# What a reader has to put in by himself, and what is put in here. Nothing else may be left open (test_pages.py).
PLACEHOLDERS = {"<commit>": "c0ffee5afe" * 4, "…": "x"}
_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_ENDS_A_COMMAND = {"|", "||", "&&", ";", "&"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Block:
    """`line` is that of the fence."""

    page: str
    line: int
    language: str
    text: str

    @property
    def id(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def filled(self) -> str:
        return filled(self.text)


def filled(text: str) -> str:
    """The text with the placeholders filled in."""
    for left_open, value in PLACEHOLDERS.items():
        text = text.replace(left_open, value)
    return text


def blocks(*languages: str) -> list[Block]:
    """All blocks of these languages, or all."""
    return [b for page in PAGES if page.exists() for b in of(page) if not languages or b.language in languages]


def of(page: Path) -> Iterator[Block]:
    text, name = page.read_text(), str(page.relative_to(ROOT))
    for found in _FENCE.finditer(text):
        lines = found["text"].splitlines(keepends=True)
        body = "".join(line.removeprefix(found["indent"]) for line in lines)
        yield Block(name, text.count("\n", 0, found.start()) + 1, found["language"], body)


def commands(script: str) -> list[list[str]]:
    """The words of every command of a shell script, without comments, assignments and here-documents."""
    script = re.sub(r"<<-?\s*'?(\w+)'?(?P<rest>.*)\n(?:.*\n)*?\s*\1\n", r"\g<rest>\n", script).replace("\\\n", " ")
    found: list[list[str]] = []
    for line in script.splitlines():
        words = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        words.whitespace_split = True
        found.append([])
        for word in words:
            if word in _ENDS_A_COMMAND:
                found.append([])
            elif found[-1] or not _ASSIGNMENT.match(word):
                found[-1].append(word)
    return [command for command in found if command]
