"""`kubectl thinksafe compare`: two runs side by side."""

import json

from rich.console import Console, Group
from rich.text import Text

from thinksafe.errors import DataError
from thinksafe.plugin import comparison, runs, stored
from thinksafe.plugin.kubectl import Kubectl
from thinksafe.plugin.runs import Run


def compare(
    kubectl: Kubectl, a: str, b: str, out: Console, *, full: bool, endpoint: str | None, region: str | None
) -> None:
    """Print both; with `full`, also what their summaries in the store tell."""
    one, other = kubectl.run(a), kubectl.run(b)
    # First, so that a store that cannot be reached is told before a screen of numbers.
    summaries = [summary(run, endpoint, region) for run in (one, other)] if full else []
    out.print(Group(*comparison.compare(*runs.printable([one, other]))))
    if summaries:
        out.print(Group(Text(), *comparison.full(*runs.printable(summaries))))


def summary(run: Run, endpoint: str | None, region: str | None) -> dict:
    """A run's summary.json. DataError if it is not one."""
    from thinksafe.analysis import summary as summaries

    try:
        document = json.loads(stored.read(run, "summary.json", endpoint=endpoint, region=region))
    except ValueError:
        raise DataError(f"{stored.folder_of(run)}/summary.json is not JSON") from None
    return summaries.read(document).model_dump(mode="json", by_alias=True)
