"""Pure: what makes a response unusable in itself, before any guard is asked. Each reason is counted."""

from thinksafe.thought import split

# A tail of at least so many characters that is one piece, over and over, at least so often: a loop, not a text.
LOOP_CHARACTERS, LOOP_TIMES, LOOP_PIECE = 120, 6, 200


def reject_reason(text: str, finish_reason: str, error: str | None) -> str | None:
    """Why a response cannot be kept, or None.

    `finish_reason` is the engine's: stop, length, repetition, error; or `given` for someone else's text.
    """
    if error is not None or finish_reason == "error":
        return "error"
    if finish_reason == "length":
        return "truncated"
    if finish_reason == "repetition" or loops(text):
        return "repetition"
    parts = split(text)
    if not parts.closed:
        return "unclosed-thought"
    if not parts.thought:
        return "empty-thought"
    if not parts.answer:
        return "empty-answer"
    return None


def loops(text: str) -> bool:
    """Whether the text ends in one piece that is repeated over and over."""
    end = text.rstrip()
    for size in range(1, min(LOOP_PIECE, len(end) // LOOP_TIMES) + 1):
        times = max(LOOP_TIMES, -(-LOOP_CHARACTERS // size))
        if len(end) >= size * times and end.endswith(end[-size:] * times):
            return True
    return False
