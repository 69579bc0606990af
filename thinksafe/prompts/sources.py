"""Opening what a manifest names: file://, s3:// and hf:// become files on this disk, tiny:// stays a name."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from thinksafe.errors import AccessError, DataError, SettingsError
from thinksafe.prompts import tiny
from thinksafe.spec import Storage

SCHEMES = ("file", "s3", "hf", "tiny")


def scheme(uri: str) -> str:
    """file, s3, hf or tiny; a plain path is a file. SettingsError for anything else."""
    head, separator, _ = uri.partition("://")
    if not separator:
        return "file"
    if head not in SCHEMES:
        raise SettingsError(
            f"{uri}: sources of kind {head}:// are not known",
            reason="UnknownSource",
            hint="Use file://, s3://, hf:// or tiny://; save a web page's file first and name it with file://",
        )
    return head


@contextmanager
def opened(
    uri: str, *, revision: str | None = None, split: str = "train", storage: Storage | None = None
) -> Iterator[list[Path]]:
    """The files of a source, in order, for as long as the block runs; what came from S3 is deleted after it.

    Raises DataError (missing or empty file), SettingsError (no such bucket, data set, revision or split),
    AccessError (gated or forbidden) or TemporaryError (the network).
    """
    match scheme(uri):
        case "file":
            yield local_files(uri)
        case "s3":
            from thinksafe.prompts import s3  # its client, like the hub's, takes half a second to import

            with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
                yield [s3.download(uri, Path(folder), storage)]
        case "hf":
            from thinksafe.prompts import hub

            yield hub.download(hub.locate(uri, revision, split), uri)
        case _:
            raise SettingsError(f"{uri}: the tiny world has rows, but no file")


def fingerprint(
    uri: str, *, revision: str | None = None, split: str = "train", storage: Storage | None = None
) -> str:
    """What identifies a source's content in a digest; two sources with the same one give the same rows.

    Files and S3: the SHA-256 of the bytes, with the suffix, which decides how they are read. hf://: the commit and
    the paths in it, so that nothing is downloaded. tiny://: the parameters and the code that makes the rows.
    """
    kind = scheme(uri)
    if kind == "tiny":
        return tiny.fingerprint(uri)
    if kind == "hf":
        from thinksafe.prompts import hub

        found = hub.locate(uri, revision, split)
        return f"hf:{found.repo}@{found.commit}:{','.join(found.files)}"
    with opened(uri, storage=storage) as paths:
        return "+".join(f"sha256:{sha256(path)}{path.suffix.lower()}" for path in paths)


def commit(print_: str) -> str | None:
    """The commit in the fingerprint of an hf:// source; None for a source that has none."""
    return print_.split("@")[1].split(":")[0] if print_.startswith("hf:") else None


def sha256(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def local_files(uri: str) -> list[Path]:
    """The one file that a path or a file:// URI names."""
    path = Path(path_of(uri)).expanduser()
    try:
        size = path.stat().st_size
        if path.is_file():
            path.open("rb").close()
    except FileNotFoundError:
        raise DataError(
            f"{uri}: there is no such file", reason="MissingFile", hint="Check the path, and that the disk is mounted"
        ) from None
    except PermissionError:
        raise AccessError(f"{uri}: no permission to read it") from None
    if path.is_dir():
        raise DataError(f"{uri} is a folder", reason="MissingFile", hint="Name one file in it")
    if size == 0:
        raise DataError(f"{uri}: the file is empty", reason="EmptyFile")
    return [path]


def path_of(uri: str) -> str:
    """The path in a file:// URI (file:///a/b, file://./a, percent-encoding undone), or the plain path itself."""
    if not uri.startswith("file://"):
        return uri
    parts = urlsplit(uri)
    if parts.netloc not in ("", "localhost", ".", ".."):
        raise SettingsError(
            f"{uri}: a file on another machine cannot be read",
            hint="An absolute path has three slashes: file:///folder/file",
        )
    return ("" if parts.netloc in ("", "localhost") else parts.netloc) + unquote(parts.path)
