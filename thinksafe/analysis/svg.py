"""A matplotlib figure as inline SVG: its colours are the page's, its ids its own, and nothing in it is external."""

import io
import re
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.figure import Figure

# Drawn in these stand-in colours, which the page's style sheet then gives for light and for dark.
COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "grid": "#030303",
    "panel": "#040404",
    "base": "#050505",
    "aligned": "#060606",
    "good": "#070707",
    "bad": "#080808",
    **{f"hue{i}": f"#0{i}0909" for i in range(1, 7)},
}
WIDTH = 4.2  # inches; 302 points, so that a phone shows the text at nearly its own size
RC: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: searchable, and in the page's own font
    "text.parse_math": False,  # a name with two dollar signs is a name
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": COLOURS["grid"],
    "axes.labelcolor": COLOURS["muted"],
    "axes.titlecolor": COLOURS["ink"],
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.facecolor": "none",
    "axes.axisbelow": True,
    "grid.color": COLOURS["grid"],
    "grid.linewidth": 0.7,
    "text.color": COLOURS["ink"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "xtick.color": COLOURS["grid"],
    "ytick.color": COLOURS["grid"],
    "xtick.labelcolor": COLOURS["muted"],
    "ytick.labelcolor": COLOURS["ink"],
    "figure.facecolor": "none",
    "legend.frameon": False,
    "legend.labelcolor": COLOURS["ink"],
}


def draw(name: str, height: float, paint: Callable[[Figure], None]) -> str:
    """An `<svg>` element of WIDTH by `height` inches; `name` is unique on the page and prefixes all ids in it."""
    with matplotlib.rc_context({**RC, "svg.hashsalt": name}):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        paint(figure)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _inline(out.getvalue(), name)


def _inline(text: str, name: str) -> str:
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"', "", text)  # HTML knows what an svg is
    for size in ("width", "height"):  # the viewBox stays: the page decides how large it is
        text = re.sub(rf'(<svg[^>]*?)\s{size}="[^"]*"', r"\1", text, count=1)
    text = _own_ids(text, name)
    text = re.sub(r"font-family: [^;\"]*;?\s?", "", text)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)  # it would hold for the whole page
    for colour, stand_in in COLOURS.items():
        text = text.replace(stand_in, f"var(--{colour})")
    # The figure's title and description stand beside it in the page; the drawing itself is one image.
    return text.replace("<svg", f'<svg role="img" aria-labelledby="{name}-title" aria-describedby="{name}-desc"', 1)


def _own_ids(text: str, name: str) -> str:
    """Number the ids that something refers to, and drop the others: matplotlib's are neither unique nor lasting."""
    wanted = re.findall(r'(?:href="|url\()#([^")]+)', text)
    numbers = {old: f"{name}-{i}" for i, old in enumerate(dict.fromkeys(wanted))}
    text = re.sub(r'\sid="([^"]+)"', lambda m: f' id="{numbers[m[1]]}"' if m[1] in numbers else "", text)
    text = re.sub(r'(?:xlink:)?href="#([^"]+)"', lambda m: f'href="#{numbers[m[1]]}"', text)
    return re.sub(r"url\(#([^)]+)\)", lambda m: f"url(#{numbers[m[1]]})", text)
