"""A response in its two parts: the thought, and the answer after it."""

from dataclasses import dataclass

OPEN, CLOSE = "<think>", "</think>"


@dataclass(frozen=True)
class Parts:
    """`closed` is False when the thought never ends; then all of the text is thought and no answer."""

    thought: str
    answer: str
    closed: bool


def split(text: str) -> Parts:
    """Split a response at its first `</think>`. An opening tag may stand in the prompt instead (R1)."""
    thought, close, answer = text.partition(CLOSE)
    thought = thought.strip().removeprefix(OPEN).strip()
    return Parts(thought, answer.strip(), bool(close))
