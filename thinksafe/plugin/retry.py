"""`kubectl thinksafe retry`: a failed run again, from where it failed, for all it did is in the store.

A run cannot begin anew; it is deleted and created again. In between it exists nowhere but in a file that is written
first, and that stays unless the new run is there.
"""

import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from thinksafe.errors import Interrupted, SettingsError, TemporaryError, ThinkSafeError
from thinksafe.plugin import again, runs
from thinksafe.plugin.kubectl import Kubectl
from thinksafe.plugin.runs import Run
from thinksafe.plugin.trouble import NotFound


def retry(kubectl: Kubectl, name: str, out: Console, *, force: bool, seconds: float) -> None:
    """Delete the run with all its Jobs, wait `seconds` at most until they are gone, and create it again."""
    run = kubectl.run(name)
    again.check(run, force=force)
    wanted = again.manifest(run)
    _ask_first(kubectl, wanted)
    file = _save(wanted)
    try:
        _delete(kubectl, run)
        _wait_until_gone(kubectl, run, seconds)
        _create(kubectl, run, wanted)
    except _NotDeleted as error:
        _drop(file)
        raise error.why from None
    except (ThinkSafeError, KeyboardInterrupt) as error:
        raise _with_file(error, kubectl, run, file) from None
    _drop(file)
    out.print(f"{runs.name(run)} begins again; what the store holds already is not done anew", soft_wrap=True)
    flags = " ".join(["", *kubectl.flags])
    out.print(f"See how it goes:  kubectl thinksafe status {runs.name(run)}{flags}", style="dim", soft_wrap=True)


class _NotDeleted(Exception):
    """The API server has refused the deletion: nothing has changed."""

    def __init__(self, why: ThinkSafeError) -> None:
        super().__init__(str(why))
        self.why = why


def _ask_first(kubectl: Kubectl, wanted: Mapping) -> None:
    """What would refuse the new run shall refuse it while the old one is still there."""
    try:
        kubectl.text("create", "--dry-run=server", "-f", "-", input=json.dumps(again.stand_in(wanted)))
    except ThinkSafeError as error:
        if "exceeded quota" in str(error):  # the old run leaves room for the new one
            return
        told = f"{wanted['metadata']['name']} stays as it is, for it could not be created again: {error}"
        raise type(error)(told, hint=error.hint) from None


def _save(wanted: Mapping) -> Path:
    """The manifest in a file that only the user can read: it may hold values of variables."""
    try:
        file = Path(tempfile.mkdtemp(prefix="thinksafe-retry-")) / f"{wanted['metadata']['name']}.json"
        file.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"the manifest cannot be saved, so nothing was deleted: {error}", hint="Set TMPDIR to a folder with room"
        ) from None
    return file


def _drop(file: Path) -> None:
    file.unlink()
    file.parent.rmdir()


def _delete(kubectl: Kubectl, run: Run) -> None:
    """In the foreground: the new run's Jobs must not meet the old one's pods. Only this very run (by uid)."""
    metadata = run["metadata"]
    options = {
        "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground",
        "preconditions": {"uid": metadata["uid"]},
    }  # fmt: skip
    path = f"/apis/{run['apiVersion']}/namespaces/{metadata['namespace']}/thinksaferuns/{metadata['name']}"
    try:
        kubectl.text("delete", "--raw", path, "-f", "-", input=json.dumps(options))
    except NotFound:
        return  # somebody was faster
    except TemporaryError:
        raise  # it may have been heard all the same
    except ThinkSafeError as error:
        raise _NotDeleted(error) from None


def _wait_until_gone(kubectl: Kubectl, run: Run, seconds: float) -> None:
    """Not by `kubectl wait`: it would go on waiting for a run of the same name that somebody else has made since."""
    end = time.monotonic() + seconds
    while True:
        try:
            there = kubectl.run(runs.name(run))
        except NotFound:
            return
        if there["metadata"]["uid"] != run["metadata"]["uid"]:
            return
        if time.monotonic() > end:
            raise TemporaryError(f"it is still being deleted after {seconds:.0f} s")
        time.sleep(1)


def _create(kubectl: Kubectl, old: Run, wanted: Mapping) -> None:
    try:
        kubectl.text("create", "-f", "-", input=json.dumps(wanted))
    except ThinkSafeError:
        # What applies manifests from Git may have seen that the run is gone, and have made it again.
        if not _was_made_by_somebody(kubectl, old):
            raise


def _was_made_by_somebody(kubectl: Kubectl, old: Run) -> bool:
    try:
        there = kubectl.run(runs.name(old))
    except ThinkSafeError:
        return False
    return there["metadata"]["uid"] != old["metadata"]["uid"] and there["spec"] == old["spec"]


def _with_file(error: ThinkSafeError | KeyboardInterrupt, kubectl: Kubectl, run: Run, file: Path) -> ThinkSafeError:
    """The error, with how to end what was begun."""
    command = " ".join(["kubectl", "create", "-f", str(file), *kubectl.flags])
    fault = error if isinstance(error, ThinkSafeError) else Interrupted("stopped")
    return type(fault)(
        f"{runs.name(run)} is deleted, or about to be, and was not created again: {fault}", reason=fault.reason,
        hint=f"Nothing is lost: its manifest is saved. Once the old run is gone: {command}",
    )  # fmt: skip
