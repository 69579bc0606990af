"""How the work went: the training curve, and what each stage cost."""

from collections.abc import Sequence
from statistics import fmean

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import Drawing, bare, decimals
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import count, duration

MOST_POINTS = 400  # more than the figure has room for would only make the page heavy
TABLE_ROWS = 12


def training(curve: Sequence[dict]) -> Drawing | None:
    """Loss by step: the steps themselves pale, their running mean strong."""
    known = [(point["step"], point["loss"]) for point in curve if point["loss"] is not None]
    if len(known) < 2:
        return None
    tenth = max(1, len(known) // 10)
    first, last = fmean(loss for _, loss in known[:tenth]), fmean(loss for _, loss in known[-tenth:])
    missing = len(curve) - len(known)
    return Drawing(
        "training",
        "Training curve",
        f"Loss over {count(known[-1][0])} steps: {first:.3f} over the first tenth, {last:.3f} over the last."
        + (f" {missing} steps had no finite loss." if missing else ""),
        svg.draw("training", 2.5, lambda figure: _training(figure, known)),
        ("Step", "Loss"),
        [(count(step), decimals(loss, 4)) for step, loss in thinned(known, TABLE_ROWS)],
        "Mean loss a token. Strong: running mean."
        + (f" {missing} steps had no finite loss and are left out." if missing else ""),
    )


def thinned(points: Sequence, most: int) -> list:
    """At most so many of the points, evenly spread, with the first and the last."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def running_mean(values: Sequence[float], width: int) -> list[float]:
    """The mean of each value with up to `width` before it."""
    return [fmean(values[max(0, i - width) : i + 1]) for i in range(len(values))]


def _training(figure: Figure, known: Sequence[tuple[int, float]]) -> None:
    ax = figure.subplots()
    steps, losses = [s for s, _ in known], [loss for _, loss in known]
    smooth = running_mean(losses, max(1, len(losses) // 25))
    shown = thinned(list(zip(steps, losses, smooth, strict=True)), MOST_POINTS)
    ax.plot([s for s, _, _ in shown], [x for _, x, _ in shown], color=COLOURS["aligned"], alpha=0.3, linewidth=1)
    ax.plot([s for s, _, _ in shown], [m for _, _, m in shown], color=COLOURS["aligned"], linewidth=2)
    ax.set_ylim(bottom=min(0.0, *losses))
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    bare(ax, grid="y")


def cost(found: Sequence[dict]) -> Drawing | None:
    """Seconds by stage; stages taken from the store are marked."""
    known = [row for row in found if row["seconds"] is not None]
    if not known:
        return None
    rows = [
        (
            row["stage"],
            duration(row["seconds"]),
            duration(row["gpu_seconds"]),
            count(row["tokens"]),
            "from the store" if row["cached"] else "",
        )
        for row in found
    ]
    total = sum(row["seconds"] for row in known)
    said = ", ".join(f"{row['stage']} {duration(row['seconds'])}" for row in known)
    return Drawing(
        "cost",
        "What each stage took",
        f"{duration(total)} of worker time in all: {said}.",
        svg.draw("cost", 0.7 + 0.31 * len(known), lambda figure: _cost(figure, known)),
        ("Stage", "Worker time", "GPU time", "Tokens", ""),
        rows,
        f"{duration(total)} of worker time in all, summed over workers.",
    )


def _cost(figure: Figure, known: Sequence[dict]) -> None:
    ax = figure.subplots()
    seconds = [row["seconds"] for row in known]
    colours = [COLOURS["grid"] if row["cached"] else COLOURS["base"] for row in known]
    ax.barh(range(len(known)), seconds, height=0.6, color=colours)
    for y, row in enumerate(known):
        text = duration(row["seconds"]) + (" (stored)" if row["cached"] else "")
        ax.annotate(text, (row["seconds"], y), xytext=(5, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(known)), [row["stage"] for row in known])
    ax.set_xlim(0, (max(seconds) or 1) * 1.35)
    ax.xaxis.set_visible(False)
    ax.invert_yaxis()
    bare(ax, grid="y")
    ax.grid(False)
