"""What a run has put beside its report in the store, read with the user's own credentials."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from thinksafe.errors import AccessError, DataError, SettingsError, TemporaryError, ThinkSafeError
from thinksafe.plugin import runs
from thinksafe.plugin.runs import Run


def read(run: Run, file: str, *, endpoint: str | None = None, region: str | None = None) -> bytes:
    """A file of the run's folder, such as index.html. `endpoint` and `region` stand for those of the run's spec.

    DataError if the run has made no report yet, or it is not where the status says; other errors as of a store.
    """
    folder = folder_of(run)
    if urlsplit(folder).scheme == "file":
        return _from_disk(folder, file, run)
    from thinksafe.artifacts.patience import Patience
    from thinksafe.artifacts.store import open_store
    from thinksafe.spec import Storage

    said = run["spec"].get("storage") or {}
    endpoint, region = endpoint or said.get("endpoint"), region or said.get("region")
    if endpoint is not None and not endpoint.startswith(("http://", "https://")):
        raise SettingsError(f"endpoint: {endpoint} is not an http:// or https:// URL")
    # Nobody looks at a terminal for the minutes that a worker waits.
    patience = Patience(seconds=15, connect=5, reply=30)
    try:
        return open_store(Storage(uri=folder, endpoint=endpoint, region=region), patience).get(file)
    except (AccessError, TemporaryError) as error:
        raise type(error)(str(error), reason=error.reason, hint=_hint(error)) from None


def folder_of(run: Run) -> str:
    """The URI of the folder that holds the report."""
    report = runs.status(run).get("report")
    if not report:
        at = runs.status(run).get("stage")
        where = f"it is {runs.phase(run)}" + (f" at {at}" if at else "")
        raise DataError(
            f"{runs.name(run)} has no report yet: {where}", reason="NoReport",
            hint="The last stage makes it; kubectl thinksafe status shows how far it is",
        )  # fmt: skip
    return report.rpartition("/")[0]


def _hint(error: ThinkSafeError) -> str:
    """What to do here: the store's own hints are for workers."""
    if isinstance(error, AccessError):
        return "Your own AWS credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, ...) must allow s3:GetObject on it"
    return "An endpoint that only the cluster knows: kubectl port-forward to it, and name that with --endpoint"


def _from_disk(folder: str, file: str, run: Run) -> bytes:
    path = Path(unquote(urlsplit(folder).path)) / file
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read on this machine ({error.strerror}): {runs.name(run)} keeps its artifacts in a "
            "folder of its workers", reason="NotHere", hint="Mount the same volume at the same path, or copy the file",
        ) from None  # fmt: skip
