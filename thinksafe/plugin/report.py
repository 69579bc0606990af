"""`kubectl thinksafe report`: the run's web report, as a file or in the browser."""

import sys
import tempfile
import webbrowser
from pathlib import Path

from rich.console import Console

from thinksafe.errors import SettingsError, ThinkSafeError, UsageError
from thinksafe.plugin import runs, stored
from thinksafe.plugin.kubectl import Kubectl


def report(
    kubectl: Kubectl, name: str, out: Console, *, output: str | None, browse: bool, endpoint: str | None,
    region: str | None,
) -> None:  # fmt: skip
    """Fetch the report to `output` (`-` is standard output), and show it in a browser if asked."""
    if output == "-" and browse:
        raise UsageError("--open needs a file: --output - is standard output")
    run = kubectl.run(name)
    page = stored.read(run, "index.html", endpoint=endpoint, region=region)
    if output == "-":
        sys.stdout.buffer.write(page)
        return
    place = Path(output) if output else _default(runs.name(run), browse)
    try:
        place.write_bytes(page)
    except OSError as error:
        raise SettingsError(f"{place}: cannot be written: {error.strerror}", hint="Name another --output") from None
    out.print(f"{place}", soft_wrap=True, markup=False)
    if browse and not webbrowser.open(place.resolve().as_uri()):
        raise ThinkSafeError("there is no browser on this machine", hint=f"The report is in {place}")


def _default(name: str, browse: bool) -> Path:
    """In the current folder; what is only looked at, where temporary files are."""
    folder = Path(tempfile.mkdtemp(prefix="thinksafe-")) if browse else Path()
    return folder / f"{name}-report.html"
