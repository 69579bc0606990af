"""Whether a released adapter is what the statement beside it says, and whether its gate passed.

Every object is fetched once, and what was fetched is what is checked. The folder holds the statement, the files it
names and nothing else: a loader takes what it finds, so a file that nobody vouches for is as bad as a changed one.
"""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from thinksafe.artifacts.store import Missing
from thinksafe.attestation import contents, statement
from thinksafe.attestation.place import Place
from thinksafe.attestation.statement import Model, Statement
from thinksafe.errors import DataError

DO_NOT_USE = "Do not use this adapter; publish it again from the run, which makes it from its artifacts"


@dataclass(frozen=True)
class Expected:
    """What the caller knows from elsewhere, and the statement must say, too; None is anything."""

    statement: str | None = None
    base_model: str | None = None
    revision: str | None = None


@dataclass(frozen=True)
class Verified:
    """A statement that holds, its own sha256, and the bytes of each file it vouches for."""

    statement: Statement
    sha256: str
    sizes: dict[str, int]


def verify(place: Place, expected: Expected) -> Verified:
    """Check the released adapter at this place. Raises DataError with what is wrong."""
    where = place.uri
    try:
        content = place.get(statement.NAME)
    except Missing:
        raise DataError(
            f"{where}: has no {statement.NAME}", reason="NoStatement",
            hint="Name the folder that current.json of the release names; without a statement nothing is published",
        ) from None  # fmt: skip
    digest = hashlib.sha256(content).hexdigest()
    if expected.statement not in (None, digest):
        raise DataError(
            f"{where}/{statement.NAME}: its sha256 is {digest}, not {expected.statement}", reason="OtherStatement",
            hint=DO_NOT_USE,
        )  # fmt: skip
    said = statement.read(content, f"{where}/{statement.NAME}")
    check_claims(said, expected, where)
    check_names(said.files, place.names() - {statement.NAME}, where)
    return Verified(said, digest, {name: _checked(place, name, sha256) for name, sha256 in said.files.items()})


def check_claims(said: Statement, expected: Expected, where: str) -> None:
    """Pure: refuse a statement that says another model than expected, or that the gate did not pass."""
    predicate = said.predicate
    if not predicate.gate.passed:
        why = predicate.gate.sentence.rstrip(".")
        raise DataError(f"{where}: {why}", reason="GateNotPassed", hint="Do not use this adapter")
    base = predicate.base_model
    if expected.base_model not in (None, base.name):
        raise DataError(
            f"{where}: is an adapter of {base.name}, not of {expected.base_model}", reason="OtherBaseModel",
            hint="Its measurements hold for its own base model only",
        )  # fmt: skip
    if expected.revision is not None and expected.revision not in revisions(base):
        raise DataError(
            f"{where}: is an adapter of revision {identity(base)}, not of {expected.revision}",
            reason="OtherBaseModel", hint="Its measurements hold for its own base model only",
        )  # fmt: skip


def check_names(vouched: Mapping[str, str], there: set[str], where: str) -> None:
    """Pure: refuse a file that is missing or that nobody vouches for, and an adapter without weights."""
    if missing := sorted(vouched.keys() - there):
        raise DataError(f"{where}/{missing[0]}: is gone", reason="FileMissing", hint=DO_NOT_USE)
    if added := sorted(there - vouched.keys()):
        raise DataError(
            f"{where}: {added[0][:200]!r} is there, and the statement does not name it", reason="FileAdded",
            hint=DO_NOT_USE,
        )  # fmt: skip
    if not any(map(contents.is_weights, vouched)):
        raise DataError(f"{where}: has no weights in the safetensors format", reason="NotSafetensors", hint=DO_NOT_USE)


def identity(model: Model) -> str:
    """What identifies a model's files, a commit or a sha256, as text."""
    return " ".join(model.digest.values())


def revisions(model: Model) -> set[str | None]:
    """Under what names a model's revision may be asked for."""
    return {model.revision, *model.digest.values()}


def _checked(place: Place, name: str, sha256: str) -> int:
    """Fetch a file, hold it against its sha256 and look what it is; returns its size."""
    with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
        path = Path(folder) / "file"
        place.download(name, path)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            raise DataError(
                f"{place.uri}/{name}: was changed: its sha256 is {found}, the statement says {sha256}",
                reason="FileChanged", hint=DO_NOT_USE,
            )  # fmt: skip
        contents.check(name, path)
        return path.stat().st_size
