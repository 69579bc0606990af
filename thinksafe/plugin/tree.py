"""A run as a tree of its stages, in lines that fit the terminal. Pure.

    qwen3-8b  Running, 41 min so far
    ├─ ✓ prepare    12 s
    ├─ ● generate   ━━━━━━━━━━━━━━━━━━━━  37%   14,800 of 40,000 rows   5,120 tokens/s   40 min
    └─ ○ filter
"""

from collections.abc import Mapping, Sequence

from rich.text import Text

from thinksafe.analysis.words import count, duration
from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run, Stage

MARKS = {
    "Waiting": ("○", "dim"), "Queued": ("◌", "yellow"), "Running": ("●", "bold cyan"), "Suspended": ("◼", "yellow"),
    "Succeeded": ("✓", "green"), "Cached": ("✓", "green"), "Failed": ("✗", "bold red"),
}  # fmt: skip
PHASES = {
    "Pending": "yellow", "Queued": "yellow", "Running": "bold cyan", "Suspended": "yellow",
    "Succeeded": "bold green", "GateFailed": "bold red", "Failed": "bold red",
}  # fmt: skip
SILENT = 90.0  # seconds without a word that are worth telling: workers speak every ten, and are asked every twenty
_GAP = "   "


def tree(
    run: Run, now: float, *, width: int, height: int | None = None, left: Mapping[str, float] | None = None
) -> list[Text]:
    """The run's line and one for each stage, none longer than `width`; of more than `height` the ones around the
    current stage. `left`: for how many seconds stages will still run, where somebody knows.
    """
    stages = runs.stages(run)
    names = max((len(s["name"]) for s in stages), default=0)
    bodies = [_body(s, run, now, width - names - 8, (left or {}).get(s["name"])) for s in stages]
    lines = []
    for i, (stage, body) in enumerate(zip(stages, bodies, strict=True)):
        mark, style = MARKS.get(stage.get("state", ""), ("?", ""))
        line = Text("└─ " if i == len(stages) - 1 else "├─ ", "dim")
        line.append(f"{mark} ", style).append(stage["name"], _name_style(stage))
        lines.append(line.append(" " * (names - len(stage["name"]))).append(_GAP).append(body) if body else line)
    if height is not None:
        lines = _around(lines, _at(stages), max(3, height - 1))
    return [_head(run, now), *lines]


def phase(run: Run) -> Text:
    """The phase, in its colour."""
    return Text(runs.phase(run), PHASES.get(runs.phase(run), ""))


def spent(seconds: float) -> str:
    """A duration whose seconds are told only where they matter: 7 s, 9 min 30 s, 41 min, 3 h 07 min."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if 600 <= seconds < 3570 else duration(seconds)


def share(stage: Stage) -> float | None:
    """How much of a stage is done, from 0 to 1; None where it is not known."""
    rows, total = stage.get("rows"), stage.get("totalRows")
    return min(1.0, rows / total) if total and rows is not None else None


def _head(run: Run, now: float) -> Text:
    text = Text(overflow="fold").append(runs.name(run), "bold").append("  ").append(phase(run))
    lasted = runs.lasted(runs.status(run), now)
    if lasted is None:
        return text
    return text.append(f" after {spent(lasted)}" if runs.has_ended(run) else f", {spent(lasted)} so far")


def _name_style(stage: Stage) -> str:
    return {"Running": "bold", "Failed": "bold", "Waiting": "dim"}.get(stage.get("state", ""), "")


def _body(stage: Stage, run: Run, now: float, room: int, left: float | None) -> Text:
    """What there is to say of a stage, the most telling first; what does not fit is left out."""
    state = stage.get("state")
    if state == "Running":
        parts = _of_running(stage, run, now, room, left)
    elif state in ("Succeeded", "Failed"):
        parts = _of_ended(stage, now)
    else:
        parts = [Text(_PLAIN.get(state or "", ""), "dim")]
    parts += [Text(f"attempt {stage['attempt']}", "yellow")] if (stage.get("attempt") or 0) > 1 else []
    text = Text()
    for part in filter(None, parts):
        gap = _GAP if text else ""
        if len(text) + len(gap) + part.cell_len <= room:
            text.append(gap).append(part)
    return text


_PLAIN = {"Queued": "waits for its pods to run", "Cached": "in the store already", "Suspended": "suspended"}


def _of_running(stage: Stage, run: Run, now: float, room: int, left: float | None) -> list[Text]:
    current = stage["name"] == runs.status(run).get("stage")
    told = runs.status(run).get("progress", "") if current else ""
    done, parts = share(stage), list[Text]()
    if done is not None:
        bar = _bar(done, 20 if room >= 85 else 10)
        parts.append(bar.append(f" {told or f'{done:.0%}'}"))
        parts.append(Text(f"{count(stage['rows'])} of {count(stage['totalRows'])} rows"))
    else:
        parts.append(Text(told or "running"))
    heard = runs.unix(stage.get("progressTime"))
    if heard is not None and now - heard > SILENT:
        parts.append(Text(f"silent for {spent(now - heard)}", "yellow"))
    elif rate := stage.get("tokensPerSecond"):
        parts.append(Text(f"{count(rate)} tokens/s"))
    if left is not None:
        parts.append(Text(f"about {spent(left)} left"))
    return [*parts, *_time(stage, now)]


def _of_ended(stage: Stage, now: float) -> list[Text]:
    failure = (stage.get("lastFailure") or {}).get("reason", "") if stage.get("state") == "Failed" else ""
    parts = [Text(failure, "bold red"), *_time(stage, now)]
    if stage.get("rows"):
        parts.append(Text(f"{count(stage['rows'])} rows"))
    if stage.get("tokens"):
        parts.append(Text(f"{count(stage['tokens'])} tokens"))
    if stage.get("gpuSeconds"):
        parts.append(Text(f"{spent(stage['gpuSeconds'])} of GPU"))
    return parts


def _time(stage: Stage, now: float) -> list[Text]:
    lasted = runs.lasted(stage, now)
    return [] if lasted is None else [Text(spent(lasted), "dim")]


def _bar(done: float, width: int) -> Text:
    full = int(done * width)
    return Text().append("━" * full, "cyan").append("━" * (width - full), "dim")


def _at(stages: Sequence[Stage]) -> int:
    return next((i for i, s in enumerate(stages) if s.get("state") not in runs.DONE), max(0, len(stages) - 1))


def _around(lines: list[Text], at: int, room: int) -> list[Text]:
    """`room` of the lines, with the one at `at` among them, and how many are left out before and behind."""
    if len(lines) <= room:
        return lines
    first = max(0, min(at - room // 2, len(lines) - room))
    kept = lines[first : first + room]
    if first:
        kept[0] = Text(f"├─ ✓ {first + 1} stages before", "dim")
    if behind := len(lines) - first - room:
        kept[-1] = Text(f"└─ ○ {behind + 1} stages to come", "dim")
    return kept
