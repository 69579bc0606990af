"""Finding the final answer in a text: the last box, brackets counted."""

import re

_BOX = re.compile(r"\\f?boxed\s*\{")


def last_boxed(text: str) -> str | None:
    r"""What stands in the last \boxed{...} whose brackets close; None if there is none."""
    for match in reversed(list(_BOX.finditer(text))):
        end = closing(text, match.end())
        if end is not None:
            return text[match.end() : end].strip()
    return None


def closing(text: str, start: int) -> int | None:
    """Where the brace that is open at `start` closes; an escaped brace is no brace."""
    depth, place = 1, start
    while place < len(text):
        char = text[place]
        if char == "\\":
            place += 1
        elif char == "{":
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0:
                return place
        place += 1
    return None
