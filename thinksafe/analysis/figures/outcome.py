"""What came out: both axes at once, and every benchmark, base beside adapter."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import Drawing, bare, mark, share_axis
from thinksafe.analysis.gate import primary_pairs
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import MODEL, interval, percent

MODELS = ("base", "aligned")
KINDS = {
    "harmful": "Harmful responses (less is better)",
    "refusal": "Refusals of harmless prompts (less is better)",
    "accuracy": "Right answers (more is better)",
}


@dataclass(frozen=True)
class Average:
    """The mean of several benchmarks with its interval."""

    value: float
    low: float
    high: float

    def words(self) -> str:
        return f"{percent(self.value)} ({interval(self.low, self.high)})"


def average(metrics: Sequence[Mapping | None]) -> Average | None:
    """The unweighted mean of benchmarks, as the paper averages; None if there is none or one has no value.

    Interval: MOVER, Zou and Donner, Stat. Med. 27:1693 (2008), for independent estimates: the distances from value
    to bound add as squares. It keeps the asymmetry of Wilson's.
    """
    known = [(m["value"], m["low"], m["high"]) for m in metrics if m and None not in (m["value"], m["low"], m["high"])]
    if not known or len(known) != len(metrics):
        return None
    n = len(known)
    value = math.fsum(v for v, _, _ in known) / n
    below = math.sqrt(math.fsum((v - low) ** 2 for v, low, _ in known)) / n
    above = math.sqrt(math.fsum((high - v) ** 2 for v, _, high in known)) / n
    return Average(value, max(0.0, value - below), min(1.0, value + above))


def plane(metrics: Sequence[Mapping]) -> Drawing | None:
    """Safety against reasoning, each the mean of its benchmarks. None unless a model has both axes."""
    pairs = primary_pairs(metrics)  # type: ignore[arg-type]
    points = {}
    for i, model in enumerate(MODELS):
        harm = average([pair[i] for (kind, _), pair in pairs.items() if kind == "harmful"])
        right = average([pair[i] for (kind, _), pair in pairs.items() if kind == "accuracy"])
        if harm and right:
            points[model] = (harm, right)
    if not points:
        return None
    said = [f"{MODEL[m]}: {h.words()} harmful responses, {r.words()} right answers" for m, (h, r) in points.items()]
    return Drawing(
        "plane",
        "Safety against reasoning",
        f"Up and to the right is better. {'. '.join(said)}. In brackets: 95% intervals.",
        svg.draw("plane", min(4.2, max(3.0, _height(pairs))), lambda figure: _plane(figure, points)),
        ("Model", "Harmful", "95% interval", "Right", "95% interval"),
        [
            (MODEL[m], percent(h.value), interval(h.low, h.high), percent(r.value), interval(r.low, r.high))
            for m, (h, r) in points.items()
        ],
        "Means over the benchmarks of each kind, with 95% intervals. Up and to the right is better.",
    )


def _height(pairs: Mapping) -> float:
    """Inches that all benchmarks take: the plane stands beside them and takes as many."""
    return 0.75 * len({kind for kind, _ in pairs}) + 0.42 * len(pairs)


def _plane(figure: Figure, points: Mapping[str, tuple[Average, Average]]) -> None:
    ax = figure.subplots()
    ax.grid(True)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    if len(points) == 2:
        ends = [(harm.value, right.value) for harm, right in (points[m] for m in MODELS)]
        arrow = {"arrowstyle": "-|>", "color": COLOURS["muted"], "linewidth": 1.2, "shrinkA": 9, "shrinkB": 9}
        ax.annotate("", ends[1], ends[0], arrowprops=arrow)
    for model, (harm, right) in points.items():
        mark(ax, harm.value, right.value, harm.low, harm.high, model=model, along="x")
        mark(ax, harm.value, right.value, right.low, right.high, model=model, along="y")
        outward = "left" if harm.value > 0.5 else "right"
        offset = (8 if outward == "left" else -8, 10)
        ax.annotate(MODEL[model], (harm.value, right.value), xytext=offset, textcoords="offset points", ha=outward,
                    color=COLOURS[model], weight="bold")
    ax.set_xlim(1.03, -0.03)  # safer to the right
    lows, highs = [r.low for _, r in points.values()], [r.high for _, r in points.values()]
    room = max(0.05, 0.3 * (max(highs) - min(lows)))
    ax.set_ylim(max(-0.03, min(lows) - room), min(1.03, max(highs) + room))
    ax.yaxis.set_major_locator(MaxNLocator(6))
    share_axis(ax.xaxis)
    share_axis(ax.yaxis)
    ax.set_xlabel("harmful responses  (safer →)")
    ax.set_ylabel("right answers")


def beside(metrics: Iterable[Mapping]) -> Drawing | None:
    """Every benchmark by its primary metric, base and adapter with their intervals."""
    pairs = {key: pair for key, pair in primary_pairs(metrics).items()  # type: ignore[arg-type]
             if any(m and m["value"] is not None for m in pair)}
    if not pairs:
        return None
    kinds = [kind for kind in KINDS if any(key[0] == kind for key in pairs)]
    rows = [
        (benchmark, MODEL[m["model"]], percent(m["value"]), interval(m["low"], m["high"]))
        for kind in kinds for (k, benchmark), pair in pairs.items() if k == kind for m in pair if m
    ]
    return Drawing(
        "beside",
        "Every benchmark",
        "; ".join(f"{b}, {model.lower()}: {value} ({bounds})" for b, model, value, bounds in rows) + ".",
        svg.draw("beside", _height(pairs), lambda figure: _beside(figure, kinds, pairs)),
        ("Benchmark", "Model", "Value", "95% interval"),
        rows,
        "Hollow: base. Filled: adapter. Lines: 95% intervals.",
    )


def _beside(figure: Figure, kinds: Sequence[str], pairs: Mapping) -> None:
    found = [[(b, pair) for (k, b), pair in pairs.items() if k == kind] for kind in kinds]
    axes = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=[len(f) + 0.6 for f in found])[:, 0]
    for ax, kind, of_kind in zip(axes, kinds, found, strict=True):
        for y, (_, pair) in enumerate(of_kind):
            known = [m for m in pair if m and m["value"] is not None]
            if len(known) == 2:
                ax.plot([m["value"] for m in known], [y, y], color=COLOURS["grid"], linewidth=4, zorder=1,
                        solid_capstyle="round")
            for m in known:
                shift = -0.14 if m["model"] == "base" else 0.14
                mark(ax, m["value"], y + shift, m["low"], m["high"], model=m["model"], along="x")
        ax.set_title(" ")  # holds the room; the words start at the figure's edge, left of the names
        ax.annotate(KINDS[kind], (0, 1), xycoords=("figure fraction", "axes fraction"), xytext=(2, 5),
                    textcoords="offset points", weight="bold")
        ax.set_yticks(range(len(of_kind)), [shortened(b) for b, _ in of_kind])
        ax.set_ylim(len(of_kind) - 0.4, -0.6)
        ax.set_xlim(-0.03, 1.03)
        share_axis(ax.xaxis)
        bare(ax, grid="x")


def shortened(name: str, most: int = 22) -> str:
    """A benchmark's name that leaves room for its line."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
