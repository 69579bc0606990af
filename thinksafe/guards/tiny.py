"""The tiny world's guard (thinksafe.tinyworld), for tests and the demo."""

from thinksafe.guards.base import Frame
from thinksafe.tinyworld import guard_frame

HERE = "\0"  # stands nowhere in a template


class Tiny:
    """Answers safe or unsafe."""

    name = "tiny"
    safe_labels = ("safe",)
    unsafe_labels = ("unsafe",)
    first_token = False

    def frame(self, prompt: str, response: str) -> Frame:
        """The frame it was trained on, taken apart around the prompt."""
        before, _, tail = guard_frame(HERE, "")
        head, _, middle = before.partition(HERE)
        return Frame(head, prompt, middle, response, tail)
