"""The data set that was made: what was kept, why the rest was not, and whether it sounds like the model itself."""

from collections import Counter
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import Drawing, bare, decimals, label_colours, label_order, share_axis
from thinksafe.analysis.signatures import HIGH_PERPLEXITY
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import DASH, REASON, count, percent


def retention(found: Sequence[Mapping]) -> Drawing | None:
    """Share of responses kept, and of those dropped by reason, one bar a label each."""
    found = sorted((row for row in found if row["total"]), key=lambda row: label_order(row["label"]))
    if not found:
        return None
    dropped = sum((Counter(row["reasons"]) for row in found), Counter[str]())
    reasons = [reason for reason, _ in dropped.most_common()]
    rows = []
    for row in found:
        rows.append((row["label"], "kept", count(row["kept"]), percent(row["kept"] / row["total"])))
        rows += [
            (row["label"], REASON.get(r, r), count(row["reasons"][r]), percent(row["reasons"][r] / row["total"]))
            for r in reasons if row["reasons"].get(r)
        ]
    said = [
        f"{r['label']}: {count(r['kept'])} of {count(r['total'])} kept ({percent(r['kept'] / r['total'])})"
        for r in found
    ]
    height = 1.0 + 0.3 * len(found) + (0.8 + 0.3 * len(reasons) if reasons else 0)
    return Drawing(
        "retention",
        "What was kept, and why not",
        ". ".join(said) + ". Reasons of the others are in the table.",
        svg.draw("retention", height, lambda figure: _retention(figure, found, reasons)),
        ("Label", "Outcome", "Responses", "Share"),
        rows,
        "Share of all responses of a label. Only what a guard has judged safe is kept.",
    )


def _retention(figure: Figure, found: Sequence[Mapping], reasons: Sequence[str]) -> None:
    ratios = [0.6 + len(found), 1.2 + 1.0 * len(reasons)] if reasons else [1]
    axes = figure.subplots(len(ratios), 1, squeeze=False, height_ratios=ratios)[:, 0]
    colours = label_colours(row["label"] for row in found)
    shares = [row["kept"] / row["total"] for row in found]
    axes[0].barh(range(len(found)), [1] * len(found), height=0.55, color=COLOURS["grid"])
    axes[0].barh(range(len(found)), shares, height=0.55, color=[colours[r["label"]] for r in found])
    axes[0].set_yticks(range(len(found)), [row["label"] for row in found])
    for y, share in enumerate(shares):
        axes[0].text(1.02, y, percent(share), va="center")
    axes[0].set_xlim(0, 1.16)
    axes[0].set_title("Kept")
    axes[0].xaxis.set_visible(False)
    if reasons:
        _reasons(axes[1], found, reasons, colours)
        axes[1].set_title("Dropped, by reason")
    for ax in axes:
        bare(ax, grid="x")
        ax.invert_yaxis()
    axes[0].grid(False)


def _reasons(ax, found: Sequence[Mapping], reasons: Sequence[str], colours: Mapping[str, str]) -> None:
    step = 0.8 / len(found)
    most = 0.0
    for i, row in enumerate(found):
        shares = [row["reasons"].get(r, 0) / row["total"] for r in reasons]
        most = max([most, *shares])
        ys = [y - 0.4 + step * (i + 0.5) for y in range(len(reasons))]
        ax.barh(ys, shares, height=step * 0.8, color=colours[row["label"]], label=row["label"])
    ax.set_yticks(range(len(reasons)), [REASON.get(r, r) for r in reasons])
    ax.set_xlim(0, most * 1.05 or 1)
    ax.xaxis.set_major_locator(MaxNLocator(4))
    share_axis(ax.xaxis)
    ax.legend(loc="lower right")


def perplexity(found: Sequence[Mapping]) -> Drawing | None:
    """Perplexity by label with its interval, beside the line from which style counts as foreign."""
    known = sorted((row for row in found if row["value"] is not None), key=lambda row: label_order(row["label"]))
    if not known:
        return None
    rows = [
        (r["label"], decimals(r["value"], 2), _bounds(r), count(r["rows"]), count(r["tokens"])) for r in known
    ]
    return Drawing(
        "perplexity",
        "Is it the model's own voice?",
        ". ".join(f"Perplexity of {r['label']}: {r['value']:.2f} ({_bounds(r)})" for r in known)
        + f". Above {HIGH_PERPLEXITY:g} a response is in a foreign style.",
        svg.draw("perplexity", 1.1 + 0.36 * len(known), lambda figure: _perplexity(figure, known)),
        ("Label", "Perplexity", "95% interval", "Responses", "Tokens"),
        rows,
        f"Perplexity of the kept responses under the base model. Beyond the dashed line ({HIGH_PERPLEXITY:g}) the "
        "style is foreign, and training on it costs reasoning.",
    )


def _bounds(row: Mapping) -> str:
    return DASH if row["low"] is None or row["high"] is None else f"{row['low']:.2f}{DASH}{row['high']:.2f}"


def _perplexity(figure: Figure, known: Sequence[Mapping]) -> None:
    ax = figure.subplots()
    for y, row in enumerate(known):
        foreign = row["value"] > HIGH_PERPLEXITY
        colour = COLOURS["bad" if foreign else "aligned"]
        if row["low"] is not None and row["high"] is not None:
            ax.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=1.6)
        ax.plot(row["value"], y, "o", color=colour, markersize=7)
        ax.annotate(f"{row['value']:.2f}", (row["value"], y), xytext=(0, 8), textcoords="offset points", ha="center")
    ax.axvline(HIGH_PERPLEXITY, color=COLOURS["muted"], linestyle=(0, (4, 3)), linewidth=1)
    ax.set_xscale("log")
    ax.set_xlim(0.93, max(HIGH_PERPLEXITY * 1.4, *(1.25 * (r["high"] or r["value"]) for r in known)))
    ticks = [t for t in (1, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000) if t <= ax.get_xlim()[1]]
    ax.set_xticks(ticks, [f"{t:g}" for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yticks(range(len(known)), [r["label"] for r in known])
    ax.set_ylim(len(known) - 0.5, -0.75)
    bare(ax, grid="x")
