"""A store in a folder, for one machine or a shared file system with hard links.

An object is written to a temporary file, flushed to the disk, and only then given its name: by rename where
an older one may be replaced, by a hard link where it may not. So a kill or a power cut leaves nothing half.
"""

import contextlib
import errno
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from thinksafe.artifacts import disk
from thinksafe.artifacts.store import Missing, check_key
from thinksafe.errors import SettingsError

_TEMPORARY = ".tmp"
_STALE_SECONDS = 24 * 3600
_BLOCK = 1 << 20


class FolderStore:
    """Implements thinksafe.artifacts.store.Store; a key is a path under `root`."""

    def __init__(self, root: Path) -> None:
        self.root, self.uri = root.absolute(), f"file://{root.absolute()}"
        if self.root.exists() and not self.root.is_dir():
            raise SettingsError(
                f"storage.uri: {self.root} is a file", reason="NotAFolder", hint="Name a folder; it is made if absent"
            )
        self._sweep()

    def get(self, key: str) -> bytes:
        with self._faults(key, reading=True):
            return self._path(key).read_bytes()

    def put(self, key: str, data: bytes) -> None:
        with self._faults(key), self._written(lambda file: file.write(data)) as temporary:
            _rename(temporary, self._place(key))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        return self._if_absent(key, lambda file: file.write(data))

    def exists(self, key: str) -> bool:
        with self._faults(key):
            return self._path(key).is_file()

    def list(self, prefix: str) -> list[str]:
        # Only folders that can hold such keys are looked into: the last part of a prefix may be cut.
        start = self.root / prefix.rpartition("/")[0]
        with self._faults(prefix):
            found = [f"{folder}/{name}" for folder, _, names in _walk(start) for name in names]
        keys = (Path(f).relative_to(self.root).as_posix() for f in found)
        return sorted(k for k in keys if k.startswith(prefix) and not k.startswith(f"{_TEMPORARY}/"))

    def delete(self, key: str) -> None:
        with self._faults(key):
            self._path(key).unlink(missing_ok=True)

    def upload(self, key: str, path: Path) -> None:
        with self._faults(key), self._written(_copier(path)) as temporary:
            _rename(temporary, self._place(key))

    def upload_if_absent(self, key: str, path: Path) -> bool:
        return self._if_absent(key, _copier(path))

    def download(self, key: str, path: Path) -> None:
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        with self._faults(key, reading=True):
            source = self._path(key).open("rb")
        try:
            with source, part.open("wb") as target:
                shutil.copyfileobj(source, target, _BLOCK)
            part.replace(path)
        except OSError as error:
            raise disk.explained(error, path) from error
        finally:
            part.unlink(missing_ok=True)

    # --- how an object gets its name --------------------------------------------------------------------------------

    def _if_absent(self, key: str, write: Callable[[BinaryIO], object]) -> bool:
        if self.exists(key):  # only to spare the writing; the link below decides
            return False
        with self._faults(key), self._written(write) as temporary:
            return _link(temporary, self._place(key))

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _place(self, key: str) -> Path:
        """The key's path, after its folder was made."""
        path = self._path(key)
        _make_folder(path.parent)
        return path

    @contextlib.contextmanager
    def _written(self, write: Callable[[BinaryIO], object]) -> Iterator[Path]:
        """A temporary file in which everything is on the disk; gone afterwards."""
        _make_folder(self.root / _TEMPORARY)
        temporary = self.root / _TEMPORARY / uuid.uuid4().hex
        try:
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            yield temporary
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _faults(self, key: str, reading: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if reading and isinstance(error, FileNotFoundError | IsADirectoryError | NotADirectoryError):
                raise Missing(key, self.uri) from None
            raise disk.explained(error, self.root / key) from error

    def _sweep(self) -> None:
        """Remove what killed processes left half-written a day or longer ago."""
        with contextlib.suppress(OSError):
            for left in (self.root / _TEMPORARY).iterdir():
                with contextlib.suppress(OSError):
                    if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                        left.unlink()


def _copier(path: Path) -> Callable[[BinaryIO], None]:
    """Writes the file at a path into another; a path that cannot be read is the caller's mistake."""

    def copy(target: BinaryIO) -> None:
        with path.open("rb") as source:
            shutil.copyfileobj(source, target, _BLOCK)

    if not path.is_file():
        raise ValueError(f"{path} is not a file")
    return copy


def _rename(temporary: Path, path: Path) -> None:
    temporary.replace(path)
    _sync_folder(path.parent)


def _link(temporary: Path, path: Path) -> bool:
    """Give the temporary file its name unless the name is taken; of two processes exactly one gets True."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise SettingsError(
                f"storage.uri: the file system of {disk.mount_point(path)} has no hard links",
                reason="NoHardLinks",
                hint="Name a folder on a local disk or NFS, or use S3",
            ) from error
        raise
    _sync_folder(path.parent)
    return True


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each recorded on the disk before something is put in."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """Without this a power cut could take the name away again, though not the bytes."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _walk(start: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """os.walk that raises what it meets, except that a folder is gone or was never there."""

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            raise error

    return os.walk(start, onerror=refuse)
