"""The two figures of an experiment's page: the plane with its Pareto front, and the forest of differences."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import HUES, Drawing, bare, share_axis
from thinksafe.analysis.figures.outcome import KINDS, shortened
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import interval, percent, signed

SHAPES = "os^Dv"
VERDICTS = {"better": COLOURS["good"], "worse": COLOURS["bad"], "unclear": COLOURS["muted"]}


def plane(points: Sequence[Mapping]) -> Drawing | None:
    """Safety against reasoning, each the mean of its benchmarks; the Pareto front as a line. None without points."""
    if not points:
        return None
    front = [p["name"] for p in points if p["front"]]
    rows = [
        (
            p["name"],
            percent(p["harmful"]["value"]), interval(p["harmful"]["low"], p["harmful"]["high"]),
            percent(p["accuracy"]["value"]), interval(p["accuracy"]["low"], p["accuracy"]["high"]),
            "yes" if p["front"] else "no",
        )
        for p in points
    ]  # fmt: skip
    return Drawing(
        "plane",
        "Safety against reasoning",
        f"Up and to the right is better. On the Pareto front: {', '.join(front)}.",
        svg.draw("plane", 3.5 + 0.17 * -(-len(points) // 3), lambda figure: _plane(figure, points)),
        ("Variant", "Harmful", "95% interval", "Right", "95% interval", "On the front"),
        rows,
        "Means over the benchmarks of each kind, with 95% intervals; hollow: without an adapter. The dashed line is "
        "the Pareto front of the values themselves: no other point is as good on both axes and better on one.",
    )


def _plane(figure: Figure, points: Sequence[Mapping]) -> None:
    ax = figure.subplots()
    ax.grid(True)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    front = sorted((p["harmful"]["value"], p["accuracy"]["value"]) for p in points if p["front"])
    ax.plot(*zip(*front, strict=True), color=COLOURS["good"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    variants = [p for p in points if not p["base"]]
    for point in points:
        number = None if point["base"] else variants.index(point)
        _cross(ax, point, number)
    ax.set_xlim(1.03, -0.03)  # safer to the right
    lows, highs = [p["accuracy"]["low"] for p in points], [p["accuracy"]["high"] for p in points]
    room = max(0.03, 0.1 * (max(highs) - min(lows)))
    ax.set_ylim(max(-0.03, min(lows) - room), min(1.03, max(highs) + room))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    share_axis(ax.xaxis)
    share_axis(ax.yaxis)
    ax.set_xlabel("harmful responses  (safer →)")
    ax.set_ylabel("right answers")
    figure.legend(loc="outside lower left", ncols=3, fontsize=8, handletextpad=0.4, columnspacing=1.0)


def _cross(ax: Axes, point: Mapping, number: int | None) -> None:
    """A point with both intervals. Variants differ by hue and shape, as their names would lie on one another."""
    colour = COLOURS["base"] if number is None else HUES[number % len(HUES)]
    shape = "o" if number is None else SHAPES[number // len(HUES) % len(SHAPES)]
    harmful, right = point["harmful"], point["accuracy"]
    x, y = harmful["value"], right["value"]
    ax.plot([harmful["low"], harmful["high"]], [y, y], color=colour, linewidth=1.2, zorder=2)
    ax.plot([x, x], [right["low"], right["high"]], color=colour, linewidth=1.2, zorder=2)
    face = COLOURS["panel"] if number is None else colour
    ax.plot(x, y, shape, markersize=7, color=colour, markerfacecolor=face, markeredgewidth=1.6, zorder=3,
            label=shortened(point["name"]), linestyle="none")  # fmt: skip


def forest(rows: Sequence[Mapping], baseline: str) -> Drawing | None:
    """Every paired difference to the baseline with its corrected interval. None if there is none."""
    found = [row for row in rows if row["difference"]]
    if not found:
        return None
    found.sort(key=lambda row: list(KINDS).index(row["kind"]))
    lines = [
        (row["benchmark"], row["variant"], signed(row["difference"]["value"]), _bounds(row["difference"]),
         row["difference"]["verdict"])
        for row in found
    ]  # fmt: skip
    return Drawing(
        "forest",
        f"Every variant against {baseline}",
        "; ".join(f"{b}, {v}: {value} points ({bounds}), {word}" for b, v, value, bounds, word in lines) + ".",
        svg.draw("forest", _height(found), lambda figure: _forest(figure, found)),
        ("Benchmark", "Variant", "Change in points", "Corrected interval", "Verdict"),
        lines,
        f"Adapter minus the adapter of {baseline}, paired over the same problems, in percentage points. Green is "
        "better, red is worse; grey lines include no change.",
    )


def _bounds(change: Mapping) -> str:
    return f"{signed(change['low'])} to {signed(change['high'])}"


def _height(found: Sequence[Mapping]) -> float:
    return 0.6 + 0.22 * len(found) + 0.45 * len({(r["kind"], r["benchmark"]) for r in found})


def _forest(figure: Figure, found: Sequence[Mapping]) -> None:
    groups = list(dict.fromkeys((r["kind"], r["benchmark"]) for r in found))
    by_group = [[r for r in found if (r["kind"], r["benchmark"]) == key] for key in groups]
    axes = figure.subplots(
        len(groups), 1, squeeze=False, sharex=True, height_ratios=[len(g) + 0.9 for g in by_group]
    )[:, 0]  # fmt: skip
    for ax, (_, benchmark), group in zip(axes, groups, by_group, strict=True):
        for y, row in enumerate(group):
            change, colour = row["difference"], VERDICTS[row["difference"]["verdict"]]
            ax.plot([change["low"], change["high"]], [y, y], color=colour, linewidth=1.6)
            ax.plot(change["value"], y, "o", color=colour, markersize=5)
        ax.axvline(0, color=COLOURS["muted"], linewidth=1)
        ax.set_title(benchmark)
        ax.set_yticks(range(len(group)), [shortened(row["variant"]) for row in group])
        ax.set_ylim(len(group) - 0.4, -0.6)
        bare(ax, grid="x")
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x * 100:g}"))
    axes[-1].xaxis.set_major_locator(MaxNLocator(6))
