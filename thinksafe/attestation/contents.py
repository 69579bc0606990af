"""What a file of a released adapter may be: weights as safetensors, settings as JSON, a text. Nothing that runs code.

A pickle under any name is refused: its content is looked at, not only its name.
"""

import json
from pathlib import Path

from thinksafe.errors import DataError

_HINT = "Do not load this adapter; thinksafe publishes safetensors, JSON and one Markdown page"


def check(name: str, path: Path) -> None:
    """Refuse the file at `path`, to be published as `name`, with a DataError unless it is one of the three."""
    kind = Path(name).suffix
    reader = {".safetensors": _weights, ".json": _settings, ".md": _text}.get(kind)
    if reader is None:
        raise DataError(f"{name}: files of this kind are no part of an adapter", reason="ForeignFile", hint=_HINT)
    try:
        reader(path)
    except (ValueError, RecursionError):
        raise DataError(f"{name}: is not {WHAT[kind]}", reason="NotSafetensors", hint=_HINT) from None


def is_weights(name: str) -> bool:
    """Whether a file of this name holds weights."""
    return name.endswith(".safetensors")


WHAT = {".safetensors": "in the safetensors format", ".json": "JSON", ".md": "a text"}


def _weights(path: Path) -> None:
    """The library's own check: the header is JSON, and its tensors fill the file without gaps or overlaps."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            if not list(file.keys()):
                raise ValueError("no tensors")
    except SafetensorError as error:
        raise ValueError(str(error)) from None


def _settings(path: Path) -> None:
    json.loads(path.read_bytes().decode())


def _text(path: Path) -> None:
    if "\0" in path.read_bytes().decode():
        raise ValueError("not a text")
