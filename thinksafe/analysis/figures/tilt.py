"""How far the steering has tilted what was kept: the distribution of the log ratio."""

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import HUES, Drawing, bare, decimals, share_axis
from thinksafe.analysis.words import DASH, MINUS, count, percent


def ratios(found: Sequence[Mapping]) -> Drawing | None:
    """Histogram of the log ratios, one line a rung of the ladder."""
    if not found:
        return None
    rows = [
        (
            f"{r['rung']}", count(r["rows"]), nats(r["mean"]), _bounds(r), nats(r["median"]),
            f"{nats(r['q05'])} to {nats(r['q95'])}", nats(r["per_token"], 3), percent(r["effective"]),
            DASH if r["spread"] is None else f"{decimals(r['spread'], 2)} ({count(r['prompts'])} prompts)",
        )
        for r in found
    ]  # fmt: skip
    return Drawing(
        "tilt",
        "How much did the steering change?",
        " ".join(sentence(r) for r in found),
        svg.draw("tilt", 2.4, lambda figure: _ratios(figure, found)),
        ("Rung", "Responses", "Mean", "95% interval", "Median", "5% to 95%", "A token", "Effective", "Within prompts"),
        rows,
        " ".join(sentence(r) for r in found) + " Right of 0 lie the responses that the steering made likelier.",
    )


def sentence(row: Mapping) -> str:
    """The tilt of one rung in a sentence."""
    times = "likelier" if row["mean"] >= 0 else "less likely"
    within = f"; within a prompt it varies by {decimals(row['spread'], 2)} nats" if row["spread"] is not None else ""
    return (
        f"Rung {row['rung']}: the steering made a kept response {times} by {nats(abs(row['mean']))} nats on average "
        f"({nats(row['per_token'], 3)} a token){within}; weighted back to the unsteered model the rows count as "
        f"{percent(row['effective'])} of their number."
    )


def nats(number: float, places: int = 2) -> str:
    """A log ratio with a true minus sign, and never a negative zero."""
    text = f"{abs(number):.{places}f}"
    return text if number >= 0 or float(text) == 0 else f"{MINUS}{text}"


def _bounds(row: Mapping) -> str:
    return DASH if row["low"] is None or row["high"] is None else f"{nats(row['low'])} to {nats(row['high'])}"


def _ratios(figure: Figure, found: Sequence[Mapping]) -> None:
    ax = figure.subplots()
    for row, colour in zip(found, HUES * len(found), strict=False):
        sides = [row["bins"][0]["low"], *(b["high"] for b in row["bins"])]
        shares = [b["count"] / row["rows"] for b in row["bins"]]
        ax.stairs(shares, sides, color=colour, fill=True, alpha=0.22)
        ax.stairs(shares, sides, color=colour, linewidth=1.5, label=f"rung {row['rung']}")
        ax.plot([row["median"]], [0], "^", color=colour, markersize=6, clip_on=False)
    ax.axvline(0, linestyle=(0, (4, 3)), linewidth=1, color=svg.COLOURS["muted"])
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.yaxis.set_major_locator(MaxNLocator(3))
    ax.set_xlabel("log ratio, nats")
    share_axis(ax.yaxis)
    bare(ax, grid="y")
    if len(found) > 1:
        ax.legend(loc="upper right")
