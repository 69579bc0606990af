"""The published figures of arXiv 2601.23143 v4, and a run's own beside them."""

from thinksafe.analysis.paper.beside import beside

__all__ = ["beside"]
