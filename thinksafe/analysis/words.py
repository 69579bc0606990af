"""Numbers as people read them: in the gate's sentences, the table, the page and the cards."""

import math

MINUS, DASH = "−", "–"


def percent(share: float | None, digits: int = 1) -> str:
    """0.0345 -> 3.5%; None -> –. A small share that is not zero never reads as 0%, nor one below 1 as 100%."""
    if share is None:
        return DASH
    text = f"{abs(share) * 100:.{digits}f}"
    least = 10.0**-digits
    if share and float(text) == 0:
        return f"<{least:g}%"
    if 0 < share < 1 and float(text) == 100:
        return f">{100 - least:g}%"
    return f"{_trim(text)}%" if share >= 0 else f"{MINUS}{_trim(text)}%"


def points(change: float | None, *, sign: bool = True, digits: int = 1) -> str:
    """A change of a share in percentage points: -0.021 -> −2.1 points; None -> –."""
    if change is None:
        return DASH
    text = _trim(f"{abs(change) * 100:.{digits}f}")
    mark = "" if float(text) == 0 or not sign else MINUS if change < 0 else "+"
    if change < 0 and not sign and float(text) != 0:
        mark = MINUS
    return f"{mark}{text} point{'' if text == '1' else 's'}"


def interval(low: float | None, high: float | None, digits: int = 1) -> str:
    """The bounds of a share: 0.01, 0.054 -> 1–5.4%."""
    if low is None or high is None:
        return DASH
    return f"{_trim(f'{low * 100:.{digits}f}')}{DASH}{_trim(f'{high * 100:.{digits}f}')}%"


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
    "label-mass": "guard undecided",
    "no-answer": "guard unreadable",
    "not-judged": "not judged",
    "error": "engine error",
}
