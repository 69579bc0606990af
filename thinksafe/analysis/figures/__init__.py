"""The report's figures, drawn from the summary's numbers alone."""

from collections.abc import Mapping

from thinksafe.analysis.figures import data, lengths, outcome, tilt, work
from thinksafe.analysis.figures.drawing import Drawing


def draw_all(summary: Mapping) -> dict[str, list[list[Drawing]]]:
    """Every figure that the summary has numbers for: by the page's sections, in columns of about the same height."""
    made = {
        "outcome": [[outcome.plane(summary["metrics"])], [outcome.beside(summary["metrics"])]],
        "data": [
            [data.retention(summary["retention"]), lengths.kept(summary["lengths"]), tilt.ratios(summary["tilt"])],
            [data.perplexity(summary["perplexity"]), lengths.answered(summary["lengths"])],
        ],
        "work": [[work.training(summary["training"]["curve"])], [work.cost(summary["cost"])]],
    }
    drawn = {section: [[d for d in column if d] for column in columns] for section, columns in made.items()}
    return {section: [column for column in columns if column] for section, columns in drawn.items()}
