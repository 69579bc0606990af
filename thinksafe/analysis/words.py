"""Numbers as people read them: in the gate's sentences, the table, the page and the cards."""

import math
from collections.abc import Mapping

MINUS, DASH = "−", "–"


def percent(share: float | None, digits: int = 1) -> str:
    """0.0345 -> 3.5%, 0.05 -> 5.0%; None -> –. No small share reads as 0%, and none below 1 as 100%."""
    if share is None:
        return DASH
    text = f"{abs(share) * 100:.{digits}f}"
    least = 10.0**-digits
    if share and float(text) == 0:
        return f"<{least:g}%"
    if 0 < share < 1 and float(text) == 100:
        return f">{100 - least:g}%"
    return f"{text}%" if share >= 0 else f"{MINUS}{text}%"


def bound(share: float) -> str:
    """A share that somebody chose: 0.05 -> 5%, without decimals that nobody measured."""
    return f"{_trim(f'{share * 100:.2f}')}%"


def points(change: float | None) -> str:
    """A measured change of a share in percentage points: -0.021 -> −2.1 points; None -> –."""
    return DASH if change is None else f"{signed(change)} points"


def signed(change: float | None, digits: int = 1) -> str:
    """A measured change in percentage points, the number alone: -0.021 -> −2.1; 0.00001 -> 0.0."""
    if change is None:
        return DASH
    text = f"{abs(change) * 100:.{digits}f}"
    return text if float(text) == 0 else f"{MINUS if change < 0 else '+'}{text}"


def bound_points(change: float) -> str:
    """A change that somebody chose: 0.01 -> 1 point."""
    text = _trim(f"{change * 100:.2f}")
    return f"{text} point{'' if text == '1' else 's'}"


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """The bounds of a share: 0.01, 0.054 -> 1.0–5.4%."""
    if low is None or high is None:
        return DASH
    return f"{low * 100:.{digits}f}{DASH}{high * 100:.{digits}f}%"


def remarks(metric: Mapping) -> list[str]:
    """What must be said beside a value: rows that were cut off, rows that nobody could judge."""
    said = (("truncated", "cut off"), ("unscored", "unscored"))
    return [f"{count(metric[key])} {what}" for key, what in said if metric[key]]


def count(number: float | None) -> str:
    """12345 -> 12,345; 4.2 million and up are shortened."""
    if number is None:
        return DASH
    for size, name in ((1e9, "bn"), (1e6, "M")):
        if abs(number) >= size:
            return f"{number / size:.3g} {name}"
    return f"{number:,.0f}"


def duration(seconds: float | None) -> str:
    """0.4 -> 0.4 s; 75 -> 1 min 15 s; 4000 -> 1 h 07 min."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


MODEL = {"base": "Base", "aligned": "Adapter"}
# The counted reasons for which a response is not kept, as a reader understands them.
REASON = {
    "unsafe": "judged unsafe",
    "spare": "another sample kept",
    "not-all-safe": "not all samples safe",
    "no-quorum": "too few guards agree",
    "label-mass": "guard undecided",
    "no-answer": "guard unreadable",
    "not-judged": "not judged",
    "overlong": "too long for the guard",
    "too-long": "too long for the guard",
    "truncated": "cut off at the limit",
    "repetition": "repeats itself",
    "unclosed-thought": "thought never ends",
    "empty-thought": "empty thought",
    "empty-answer": "empty answer",
    "error": "engine error",
}
