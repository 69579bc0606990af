"""Prompts of the tiny world: tiny://prompts?seed=0&harmful=400&benign=400."""

import hashlib
import inspect
from urllib.parse import parse_qsl, urlsplit

from thinksafe import tinyworld
from thinksafe.errors import SettingsError
from thinksafe.prompts.tables import Row
from thinksafe.tinyworld import problems, requests, splits, tasks, words

DEFAULTS = {"seed": 0, "harmful": 400, "benign": 400}


def parameters(uri: str, name: str, defaults: dict[str, int]) -> dict[str, int]:
    """The whole numbers in the query of tiny://<name>?..., over the defaults. SettingsError if one is unknown."""
    parts = urlsplit(uri)
    if parts.netloc != name or parts.path.strip("/"):
        query = "&".join(f"{key}={value}" for key, value in defaults.items())
        raise SettingsError(f"{uri}: not of the form tiny://{name}?{query}")
    values = dict(defaults)
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in defaults or not value.isdecimal():
            raise SettingsError(f"{uri}: {key}={value} is not one of {', '.join(defaults)} with a whole number")
        values[key] = int(value)
    return values


def rows(uri: str) -> list[Row]:
    """The rows of tiny://prompts?..., each with id, text, label and category."""
    try:
        return [dict(row) for row in tinyworld.prompts(**parameters(uri, "prompts", DEFAULTS))]
    except ValueError as error:
        raise SettingsError(f"{uri}: {error}") from error


def fingerprint(uri: str) -> str:
    """The URI's parameters in full, and a digest of the code that makes the rows."""
    values = parameters(uri, "prompts", DEFAULTS)
    return f"tiny:prompts:{values}:{code_digest()}"


def code_digest() -> str:
    """The SHA-256 of the modules that make prompts, problems and their truth."""
    sources = (inspect.getsource(module) for module in (words, requests, splits, problems, tasks))
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
