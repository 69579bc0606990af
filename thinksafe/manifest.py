"""Reading a manifest, and telling in one line what is wrong with it."""

from pathlib import Path

import yaml
from pydantic import ValidationError

from thinksafe.errors import SettingsError, UsageError
from thinksafe.spec import Manifest


def read(path: Path) -> Manifest:
    """Read and check one ThinkSafeRun manifest.

    Raises UsageError if there is no such file, SettingsError (naming file and field) if it is not valid.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    try:
        documents = [d for d in yaml.safe_load_all(text) if d is not None]
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {error}", reason="InvalidSpec") from None
    if len(documents) != 1:
        raise SettingsError(f"{path}: holds {len(documents)} documents; one ThinkSafeRun is needed")
    return parse(documents[0], where=str(path))


def parse(document: object, where: str) -> Manifest:
    """Check a manifest that is already parsed YAML or JSON; `where` is named in the error."""
    try:
        return Manifest.model_validate(document)
    except ValidationError as error:
        problems = [_sentence(p) for p in error.errors()]
        raise SettingsError(f"{where}: " + "; ".join(problems), reason="InvalidSpec") from None


def _sentence(problem) -> str:
    """One pydantic problem as `field: what is wrong`."""
    field = ""
    for part in problem["loc"]:
        field += f"[{part}]" if isinstance(part, int) else f".{part}" if field else str(part)
    if problem["type"] == "extra_forbidden":
        return f"{field}: there is no such field"
    if problem["type"] == "missing":
        return f"{field}: is required"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"{field}: {message} (got {problem['input']!r:.60})" if field else message
