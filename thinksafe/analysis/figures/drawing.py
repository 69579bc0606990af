"""What a figure is, and the few strokes that all figures share."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import DASH

HUES = [COLOURS[f"hue{i}"] for i in range(1, 7)]


@dataclass(frozen=True)
class Drawing:
    """One figure. `svg` is markup; all else is text, which the template escapes. `head` and `rows` are its numbers."""

    name: str
    title: str
    description: str
    svg: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


def share_axis(axis) -> None:
    """Tick labels of a share of 1 as per cent."""
    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x * 100:g}%"))


def bare(ax: Axes, *, grid: Literal["x", "y"]) -> None:
    """Leave only the grid lines of one direction."""
    ax.grid(axis=grid)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)


def mark(ax: Axes, x: float, y: float, low: float | None, high: float | None, *, model: str, along: str) -> None:
    """A value with its interval: hollow for the base, filled for the adapter."""
    colour = COLOURS[model]
    if low is not None and high is not None:
        ends = ([low, high], [y, y]) if along == "x" else ([x, x], [low, high])
        ax.plot(*ends, color=colour, linewidth=1.6, zorder=2)
    face = COLOURS["panel"] if model == "base" else colour
    ax.plot(x, y, "o", markersize=7, color=colour, markerfacecolor=face, markeredgewidth=1.6, zorder=3)


def label_order(label: str) -> tuple[int, str]:
    """Harmful first, then benign, then whatever else there is, and all of them together last."""
    return ({"harmful": 0, "benign": 1, "all": 3}.get(label, 2), label)


def label_colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour a label: the same one for harmful and for benign on every page."""
    known = {"harmful": HUES[0], "benign": HUES[1]}
    others = (label for label in labels if label not in known)
    return known | {label: HUES[2 + i % 4] for i, label in enumerate(others)}


def decimals(value: float | None, digits: int) -> str:
    """A number with so many decimals; – for none."""
    return DASH if value is None else f"{value:.{digits}f}"
