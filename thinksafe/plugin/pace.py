"""How long a stage will still run, by how fast it went while we looked. Pure.

Not by the time since its start: that holds the loading of models, and work that earlier attempts or runs left in the
store. Only of stages in which a row is a row: training and evaluation begin anew with each of their steps.
"""

from collections.abc import Mapping

from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run

_ENOUGH_SECONDS = 60.0


class Pace:
    """Rows of stages, and when they were seen."""

    def __init__(self) -> None:
        self._first = dict[tuple[str, str, int, int], tuple[float, int]]()

    def left(self, run: Run, now: float) -> Mapping[str, float]:
        """Note how far the run is, and tell for how many seconds its stages will go on, where that is known."""
        known = {}
        for stage in runs.stages(run):
            rows, total = stage.get("rows"), stage.get("totalRows")
            if stage.get("state") != "Running" or rows is None or not total:
                continue
            if stage["name"].partition("-")[0] not in ("generate", "filter"):
                continue
            # With another total it is another artifact: a probe of steering templates comes before the responses.
            key = (run["metadata"].get("uid", ""), stage["name"], stage.get("attempt") or 0, total)
            since, then = self._first.setdefault(key, (now, rows))
            if rows > then and now - since >= _ENOUGH_SECONDS:
                known[stage["name"]] = (now - since) / (rows - then) * max(0, total - rows)
        return known
