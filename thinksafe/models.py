"""Where a model's files are, and what a content digest says of them.

Weights are read as safetensors only, and no code of a model repository is ever run.

A Hugging Face id is looked up once, by prepare, which records its commit. From then on that commit is meant: it
is taken from the hub's cache (HF_HOME) without asking anyone, and downloaded only if it is not there.
"""

import contextlib
import errno
import hashlib
import json
import os
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from thinksafe.errors import AccessError, SettingsError, TemporaryError

ADAPTED = "+lora:"
_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja", "*.tiktoken")


def local_path(name: str, revision: str | None = None) -> Path:
    """The folder with a model's files; downloads a Hugging Face id into the hub's cache if need be.

    Raises SettingsError if there is no such model, AccessError if it is gated, TemporaryError if the hub
    cannot be reached.
    """
    if name.startswith("tiny://"):
        return _tiny(name)
    if name.startswith(("file://", "/", "./", "../")):
        return _folder(Path(name.removeprefix("file://")), name)
    return _from_hub(name, revision)


def fingerprint(name: str, revision: str | None = None) -> str:
    """What identifies a model's content: `hub:<id>@<commit>`, or `sha256:` over the files of a folder."""
    if is_on_hub(name):
        return f"hub:{name}@{_commit(name, revision)}"
    folder = local_path(name)
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and any(p.match(w) for w in _WANTED)):
        with path.open("rb") as file:
            total.update(f"{path.relative_to(folder)} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"sha256:{total.hexdigest()}"


def with_adapter(print_: str, digest: str) -> str:
    """What identifies a model with a LoRA on: `<fingerprint>+lora:<digest of the adapter's artifact>`."""
    return f"{print_}{ADAPTED}{digest}"


def taken_apart(print_: str) -> tuple[str, str | None]:
    """A fingerprint as that of the model itself, and the digest of the adapter that is on, if one is."""
    base, adapted, digest = print_.partition(ADAPTED)
    return base, digest if adapted else None


def pinned_path(name: str, print_: str) -> Path:
    """As `local_path`, at the very commit of a fingerprint: a branch that moved during a run changes nothing.

    Of a model with an adapter this is the folder of the model alone.
    """
    return local_path(name, _commit_in(print_))


def is_on_hub(name: str) -> bool:
    """Whether a model's name is a Hugging Face id: not a folder, nor one of the tiny world's."""
    return "://" not in name and not name.startswith(("/", "."))


def check_access(name: str, print_: str) -> None:
    """See, without the weights, that a model of the hub can be downloaded: one request, none if it is in the cache.

    Offline nothing is asked: other pods may have a cache that this one has not.
    Raises AccessError if it is gated, SettingsError if it is not there, TemporaryError if the hub does not answer.
    """
    commit = _commit_in(print_)
    if not is_on_hub(name) or os.environ.get("HF_HUB_OFFLINE") == "1" or (commit and _in_cache(name, commit)):
        return
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    with _hub_errors(name, commit):
        get_hf_file_metadata(hf_hub_url(name, "config.json", revision=commit))


def _commit_in(print_: str) -> str | None:
    return taken_apart(print_)[0].partition("@")[2] or None


def _tiny(name: str) -> Path:
    from thinksafe import tinyworld

    parts = urlsplit(name)
    if parts.netloc not in ("student", "guard", "teacher"):
        raise SettingsError(f"{name}: the tiny world has tiny://student, tiny://teacher and tiny://guard")
    return tinyworld.model_path(parts.netloc, int(parse_qs(parts.query).get("seed", ["0"])[0]))


def _folder(folder: Path, name: str) -> Path:
    if not (folder / "config.json").is_file():
        raise SettingsError(f"{name}: there is no model here (no config.json)", reason="ModelNotFound")
    if not any(folder.glob("*.safetensors")):
        raise SettingsError(
            f"{name}: has no safetensors weights",
            reason="ModelNotFound",
            hint="Convert them first; pickles are refused",
        )
    try:
        json.loads((folder / "config.json").read_text())
    except ValueError:
        raise SettingsError(f"{name}: config.json is not JSON", reason="ModelNotFound") from None
    return folder


def _from_hub(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download

    if revision and len(revision) == 40 and (found := _in_cache(name, revision)):
        return _folder(found, name)
    with _hub_errors(name, revision):
        found = Path(snapshot_download(name, revision=revision, allow_patterns=list(_WANTED)))
    return _folder(found, name)


def _in_cache(name: str, commit: str) -> Path | None:
    """The files of a commit, if all of them are in the hub's cache; asks nobody and writes nothing."""
    from huggingface_hub import errors as hub
    from huggingface_hub import snapshot_download

    with contextlib.suppress(hub.LocalEntryNotFoundError, hub.HFValidationError):
        return Path(snapshot_download(name, revision=commit, allow_patterns=list(_WANTED), local_files_only=True))
    return None


def _commit(name: str, revision: str | None) -> str:
    if revision and len(revision) == 40:
        return revision
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        return _from_hub(name, revision).name  # a snapshot's folder is named after its commit
    from huggingface_hub import HfApi

    with _hub_errors(name, revision):
        return str(HfApi().model_info(name, revision=revision).sha)
    raise AssertionError("unreachable")


class _hub_errors:
    """Turns the hub's exceptions into ours."""

    def __init__(self, name: str, revision: str | None) -> None:
        self.what = f"{name}@{revision}" if revision else name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind, error, _trace) -> None:
        from huggingface_hub import errors as hub

        if error is None:
            return
        if isinstance(error, hub.GatedRepoError):
            raise AccessError(
                f"{self.what}: this model is gated and we have no access",
                reason="GatedModel",
                hint="Accept its terms on the hub and give the token as HF_TOKEN",
            ) from None
        if isinstance(error, (hub.RepositoryNotFoundError, hub.RevisionNotFoundError, hub.HFValidationError)):
            raise SettingsError(
                f"{self.what}: there is no such model or revision, or HF_TOKEN may not see it", reason="ModelNotFound"
            ) from None
        if isinstance(error, hub.LocalEntryNotFoundError):
            offline = os.environ.get("HF_HUB_OFFLINE") == "1"
            why = "HF_HUB_OFFLINE=1 and it is not in the cache" if offline else "the hub cannot be reached"
            kind = SettingsError if offline else TemporaryError
            raise kind(f"{self.what}: {why}", reason="ModelNotFound") from None
        if isinstance(error, hub.HfHubHTTPError) and error.response.status_code in (401, 403):
            raise AccessError(
                f"{self.what}: the hub refuses access ({error.response.status_code})", hint="Check HF_TOKEN"
            ) from None
        if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.ENOSPC, errno.EDQUOT):
            raise SettingsError(
                f"{self.what}: cannot be kept in the model cache ({os.strerror(error.errno)})",
                reason="DiskFull" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "ModelNotFound",
                hint="Make room in the cache (HF_HOME), or put the model into it; a read-only one must have it",
            ) from None
        if isinstance(error, (OSError, hub.HfHubHTTPError, hub.HTTPError)):
            raise TemporaryError(f"{self.what}: the hub cannot be reached ({type(error).__name__})") from None
