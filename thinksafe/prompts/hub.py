"""Data sets of the Hugging Face hub: which files of a repo make up a split, and getting them.

Only files are downloaded, at one commit, and read by `tables`: a repo's own loading code is never run.
"""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi, hf_hub_download, is_offline_mode, snapshot_download
from huggingface_hub import errors as hub_errors

from thinksafe.errors import AccessError, SettingsError, TemporaryError
from thinksafe.prompts.tables import SUFFIXES

SPLIT_WORDS = r"train|training|test|testing|eval|evaluation|validation|valid|val|dev"


@dataclass(frozen=True)
class Located:
    """The files of one split at one commit."""

    repo: str
    commit: str
    files: tuple[str, ...]


def locate(uri: str, revision: str | None, split: str) -> Located:
    """Resolve hf://org/name[/folder or file] to a commit and files; offline, from the hub's cache alone."""
    match = re.fullmatch(r"hf://([^/\s@]+/[^/\s@]+)(?:/(.+?))?/?", uri)
    if not match:
        raise SettingsError(
            f"{uri}: not of the form hf://org/name or hf://org/name/path/in/the/repo",
            hint="A commit is named in the field revision",
        )
    repo, inside = match[1], match[2] or ""
    with explained(uri, revision):
        commit, files = (_cached if is_offline_mode() else _listed)(repo, revision)
    return Located(repo, commit, tuple(choose(files, inside, split, uri)))


def download(located: Located, uri: str) -> list[Path]:
    """The files on this disk, from the hub's cache or fetched into it."""
    with explained(uri, located.commit):
        return [
            Path(
                hf_hub_download(
                    located.repo, file, repo_type="dataset", revision=located.commit, endpoint=_endpoint()
                )
            )
            for file in located.files
        ]


def choose(files: Sequence[str], inside: str, split: str, uri: str) -> list[str]:
    """The data files of a split, sorted: `inside` is a folder or file of the repo, or empty for all of it.

    A file belongs to a split if a part of its path is the split's word (data/train-00000-of-00002.parquet). Where no
    file has any split's word, all are `train`, as the hub has it. Files of several folders or kinds are never mixed:
    that is an error which lists them.
    """
    if inside in files:
        return [inside]
    here = [f for f in files if f.startswith(f"{inside}/") or not inside]
    data = sorted(f for f in here if PurePosixPath(f).suffix.lower() in SUFFIXES and not _is_about_the_repo(f))
    start = len(inside) + 1 if inside else 0
    found = [f for f in data if _has_word(f[start:], re.escape(split))]
    if not found and split == "train" and not any(_has_word(f[start:], SPLIT_WORDS) for f in data):
        found = data
    if not found:
        raise SettingsError(
            f"{uri} has no file of the split {split!r}",
            reason="NoSuchSplit",
            hint=f"Name the split or one of its files: {_some(data) or 'it has no CSV, TSV, JSON or Parquet file'}",
        )
    if len({(PurePosixPath(f).parent, PurePosixPath(f).suffix) for f in found}) > 1:
        raise SettingsError(
            f"{uri}: several sets of files fit the split {split!r}",
            reason="AmbiguousSource",
            hint=f"Name a folder or file of it: {_some(found)}",
        )
    return found


def _has_word(path: str, word: str) -> bool:
    return re.search(rf"(^|[^a-z0-9])({word})([^a-z0-9]|$)", path, re.IGNORECASE) is not None


def _is_about_the_repo(path: str) -> bool:
    return path.startswith(".") or "/." in path or PurePosixPath(path).name in ("dataset_infos.json", "README.json")


def _some(files: Sequence[str]) -> str:
    return ", ".join(files[:6]) + (", ..." if len(files) > 6 else "")


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT")


def _listed(repo: str, revision: str | None) -> tuple[str, list[str]]:
    info = HfApi(endpoint=_endpoint()).dataset_info(repo, revision=revision)
    if not info.sha:
        raise TemporaryError(f"hf://{repo}: the hub names no commit")
    return info.sha, [s.rfilename for s in info.siblings or []]


def _cached(repo: str, revision: str | None) -> tuple[str, list[str]]:
    folder = Path(snapshot_download(repo, repo_type="dataset", revision=revision, local_files_only=True))
    return folder.name, [f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file()]


@contextmanager
def explained(uri: str, revision: str | None) -> Iterator[None]:
    """Turn the hub's errors into ours."""
    try:
        yield
    except hub_errors.GatedRepoError as error:
        page = "/".join(uri.removeprefix("hf://").split("/")[:2])
        raise AccessError(
            f"{uri}: the data set is gated and this token has no access",
            reason="Gated",
            hint=f"Accept its terms at https://huggingface.co/datasets/{page} and set HF_TOKEN",
        ) from error
    except hub_errors.RepositoryNotFoundError as error:
        raise SettingsError(
            f"{uri}: the hub has no such data set, or HF_TOKEN may not see it", reason="NoSuchDataset"
        ) from error
    except hub_errors.RevisionNotFoundError as error:
        raise SettingsError(f"{uri} has no revision {revision}", reason="NoSuchRevision") from error
    except (hub_errors.LocalEntryNotFoundError, hub_errors.OfflineModeIsEnabled) as error:
        if not is_offline_mode():
            raise TemporaryError(f"{uri}: the hub cannot be reached") from error
        raise SettingsError(
            f"{uri}{f' at {revision}' if revision else ''} is not in the hub's cache on this machine, "
            "and HF_HUB_OFFLINE is set",
            reason="NotCached",
            hint="Download it first, or unset HF_HUB_OFFLINE",
        ) from error
    except hub_errors.EntryNotFoundError as error:
        raise SettingsError(f"{uri}: the repo has no such file", reason="NoSuchFile") from error
    except hub_errors.HFValidationError as error:
        raise SettingsError(f"{uri}: not a name the hub can have") from error
    except hub_errors.HfHubHTTPError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise AccessError(f"{uri}: the hub refuses access ({status})", hint="Check HF_TOKEN") from error
        raise TemporaryError(f"{uri}: the hub answers {status}") from error
    except (hub_errors.HTTPError, ConnectionError, TimeoutError) as error:
        raise TemporaryError(f"{uri}: the hub cannot be reached ({type(error).__name__})") from error
