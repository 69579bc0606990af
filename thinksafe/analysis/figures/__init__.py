"""The report's figures, drawn from the summary's numbers alone."""

from collections.abc import Mapping

from thinksafe.analysis.figures import data, lengths, outcome, work
from thinksafe.analysis.figures.drawing import Drawing


def draw_all(summary: Mapping) -> dict[str, list[Drawing]]:
    """Every figure that the summary has numbers for, by the page's sections."""
    made = {
        "outcome": [outcome.plane(summary["metrics"]), outcome.beside(summary["metrics"])],
        "data": [data.retention(summary["retention"]), data.perplexity(summary["perplexity"])],
        "lengths": [lengths.kept(summary["lengths"]), lengths.answered(summary["lengths"])],
        "work": [work.training(summary["training"]["curve"]), work.cost(summary["cost"])],
    }
    return {section: [drawing for drawing in found if drawing] for section, found in made.items()}
