"""How long to wait before another attempt. Pure."""

FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds before another attempt, doubled each time


def pause(times: int) -> float:
    """Seconds from the last failure, when there were so many."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(times - 1, 10)) if times else 0.0
