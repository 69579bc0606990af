"""The two figures of an experiment's page: the plane with its Pareto front, and the forest of differences."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import Drawing, bare, mark, share_axis
from thinksafe.analysis.figures.outcome import KINDS, shortened
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import interval, percent, signed

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
        svg.draw("plane", 3.6, lambda figure: _plane(figure, points)),
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
    found = [(p["harmful"], p["accuracy"], p) for p in points]
    front = sorted((h["value"], a["value"]) for h, a, p in found if p["front"])
    ax.plot(*zip(*front, strict=True), color=COLOURS["good"], linestyle=(0, (4, 3)), linewidth=1.2, zorder=1)
    for harmful, right, point in found:
        model = "base" if point["base"] else "aligned"
        mark(ax, harmful["value"], right["value"], harmful["low"], harmful["high"], model=model, along="x")
        mark(ax, harmful["value"], right["value"], right["low"], right["high"], model=model, along="y")
    _name(ax, found)
    ax.set_xlim(1.03, -0.03)  # safer to the right
    lows, highs = [a["low"] for _, a, _ in found], [a["high"] for _, a, _ in found]
    room = max(0.05, 0.2 * (max(highs) - min(lows)))
    ax.set_ylim(max(-0.03, min(lows) - room), min(1.06, max(highs) + room))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    share_axis(ax.xaxis)
    share_axis(ax.yaxis)
    ax.set_xlabel("harmful responses  (safer →)")
    ax.set_ylabel("right answers")


def _name(ax: Axes, found: Sequence[tuple[Mapping, Mapping, Mapping]]) -> None:
    """Names beside their points; of points that are close together by turns above and below, and further away."""
    told: list[tuple[float, float]] = []
    for harmful, right, point in sorted(found, key=lambda f: (f[0]["value"], -f[1]["value"])):
        x, y = harmful["value"], right["value"]
        near = sum(abs(x - a) < 0.2 and abs(y - b) < 0.08 for a, b in told)
        told.append((x, y))
        away = 9 + 11 * (near // 2)
        left = x <= 0.5  # on the right half the name stands left of its point
        place = (-8 if left else 8, -away - 8 if near % 2 else away)
        ax.annotate(
            shortened(point["name"]), (x, y), xytext=place, textcoords="offset points",
            ha="right" if left else "left", color=COLOURS["base" if point["base"] else "aligned"], weight="bold",
        )  # fmt: skip


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
