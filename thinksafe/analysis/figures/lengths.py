"""How long responses are: of the kept ones by label, and of thoughts and answers, base beside adapter."""

import math
from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from thinksafe.analysis import svg
from thinksafe.analysis.figures.drawing import Drawing, bare, label_colours, label_order, share_axis
from thinksafe.analysis.svg import COLOURS
from thinksafe.analysis.words import MODEL, count

RATIO = math.sqrt(2)
EDGES = [round(8 * RATIO**k) for k in range(48)]  # the upper edges that the stages count by
KIND = {"harmful": "harmful prompts", "refusal": "harmless prompts", "accuracy": "problems"}
Bins = dict[float, int]  # upper edge in tokens -> responses
Panels = Sequence[tuple[str, Mapping[str, Bins]]]  # title, and one histogram a label or model


def kept(found: Sequence[Mapping]) -> Drawing | None:
    """Lengths of the kept responses by label."""
    names = dict.fromkeys(row["what"] for row in found if row["what"].startswith("kept "))
    labels = sorted((name.removeprefix("kept ") for name in names), key=label_order)
    series = {label: bins for label in labels if (bins := _bins(found, f"kept {label}"))}
    if not series:
        return None
    return _histogram("lengths-kept", "Length of the kept responses", [("", series)], label_colours(series))


def answered(found: Sequence[Mapping]) -> Drawing | None:
    """Lengths of thoughts and answers at the evaluation, one panel a kind of benchmark and part."""
    panels = []
    for kind, words in KIND.items():
        for part in ("thought", "answer"):
            series = {model: _bins(found, f"{model} {kind} {part}") for model in MODEL}
            series = {model: bins for model, bins in series.items() if bins}
            if series:
                panels.append((f"{part.capitalize()}, {words}", series))
    if not panels:
        return None
    return _histogram("lengths-answers", "Length of thoughts and answers", panels, {m: COLOURS[m] for m in MODEL})


def quantile(bins: Bins, share: float) -> float:
    """The upper edge of the bin by which so large a share of the responses has ended."""
    wanted, seen = share * sum(bins.values()), 0
    for below, n in sorted(bins.items()):
        seen += n
        if seen >= wanted:
            return below
    return max(bins)


def edges(bins: Bins) -> list[float]:
    """All upper edges from the first bin to the last: those that nothing fell into as well."""
    return sorted({*bins, *(edge for edge in EDGES if min(bins) < edge < max(bins))})


def _bins(found: Iterable[Mapping], what: str) -> Bins:
    return {row["below"]: row["count"] for row in found if row["what"] == what and row["count"]}


def _histogram(name: str, title: str, panels: Panels, colours: Mapping[str, str]) -> Drawing:
    many = len(panels) > 1
    rows, said = [], []
    for words, series in panels:
        for label, bins in series.items():
            half, most = f"{quantile(bins, 0.5):,.0f}", f"{quantile(bins, 0.95):,.0f}"
            who = [words, MODEL.get(label, label)] if many else [MODEL.get(label, label)]
            rows.append((*who, count(sum(bins.values())), half, most))
            said.append(f"{', '.join(who)}: half are shorter than {half} tokens, 95% than {most}")
    height = 0.7 + 1.25 * math.ceil(len(panels) / 2) if many else 2.4
    return Drawing(
        name,
        title,
        "; ".join(said) + ".",
        svg.draw(name, height, lambda figure: _paint(figure, panels, colours)),
        (*(("What",) if many else ()), "Of", "Responses", "Half below", "95% below"),
        rows,
        "Share of the responses by length in tokens, on a scale of doublings.",
    )


def _paint(figure: Figure, panels: Panels, colours: Mapping[str, str]) -> None:
    columns = 2 if len(panels) > 1 else 1
    grid = figure.subplots(math.ceil(len(panels) / columns), columns, squeeze=False, sharex=True).ravel()
    for ax, (words, series) in zip(grid, panels, strict=False):
        for label, bins in series.items():
            tops = edges(bins)
            sides = [math.log2(tops[0] / RATIO), *map(math.log2, tops)]
            shares = [bins.get(top, 0) / sum(bins.values()) for top in tops]
            ax.stairs(shares, sides, color=colours[label], fill=True, alpha=0.22)
            ax.stairs(shares, sides, color=colours[label], linewidth=1.5, label=MODEL.get(label, label))
        ax.set_title(words, fontsize=8)
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{2**x:,.0f}"))
        ax.yaxis.set_major_locator(MaxNLocator(3))
        share_axis(ax.yaxis)
        ax.tick_params(labelbottom=True, labelsize=8)
        bare(ax, grid="y")
    for ax in grid[len(panels) :]:
        ax.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower right", ncols=len(labels))
