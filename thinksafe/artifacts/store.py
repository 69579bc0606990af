"""Where artifacts are kept: named byte objects in a folder or an S3 bucket, behind one small protocol.

An object is there whole or not at all, and what one process wrote another sees at once. That, and one
conditional write, is all that the rest of the package asks of a store.
"""

from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from thinksafe.artifacts.patience import Patience
from thinksafe.errors import DataError, SettingsError
from thinksafe.spec import Storage


class Missing(DataError, KeyError):
    """There is no object of this key. Catch it where absence is normal; else it ends the worker with 65."""

    def __init__(self, key: str, where: str) -> None:
        super().__init__(f"{where}/{key} is not in the store", reason="Missing")
        self.key = key

    __str__ = Exception.__str__  # KeyError would show the message in quotes


class Store(Protocol):
    """Objects by key. A key is a relative path such as `artifacts/prompts/<digest>/manifest.json`.

    Every method raises SettingsError (no such bucket, a file in the place of the folder, a full disk),
    AccessError (no or wrong credentials, no permission), or, once its patience is over, TemporaryError.
    """

    uri: str

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises Missing."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Write the object, in the place of an older one if there is one."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write the object unless there is one. True if it is ours, False if someone was first."""
        ...

    def exists(self, key: str) -> bool: ...

    def list(self, prefix: str) -> list[str]:
        """All keys that begin with the prefix, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; not an error if there is none."""
        ...

    def upload(self, key: str, path: Path) -> None:
        """As `put`, from a file of any size, which is never in memory as a whole."""
        ...

    def upload_if_absent(self, key: str, path: Path) -> bool:
        """As `put_if_absent`, from a file of any size."""
        ...

    def download(self, key: str, path: Path) -> None:
        """Write the object to a file; the file appears only when it is whole. Raises Missing."""
        ...


def open_store(storage: Storage, patience: Patience | None = None) -> Store:
    """The store that a spec's `storage` names. Raises SettingsError if it names none we know.

    `patience` says for how long a failing S3 server is asked again; the default is a few minutes.
    """
    parts = urlsplit(storage.uri)
    if parts.scheme == "file":
        from thinksafe.artifacts.folder import FolderStore

        if parts.netloc not in ("", "localhost") or not parts.path.strip("/"):
            raise SettingsError(
                f"storage.uri: {storage.uri} is not of the form file:///folder", hint="Write the folder's full path"
            )
        return FolderStore(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        from thinksafe.artifacts.s3 import S3Store

        if not parts.netloc:
            raise SettingsError(f"storage.uri: {storage.uri} names no bucket", hint="Write s3://bucket/prefix")
        return S3Store(storage, patience or Patience())
    raise SettingsError(
        f"storage.uri: {storage.uri} is neither s3:// nor file://", hint="Write s3://bucket/prefix or file:///folder"
    )


def check_key(key: str) -> str:
    """The key itself. Raises ValueError for one that could leave the store or that only one kind of store can hold."""
    if not key or any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"not a key of the store: {key!r}")
    return key
