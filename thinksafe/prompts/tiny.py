"""Rows of the tiny world: tiny://prompts?seed=0&harmful=400&benign=400; and, with ready responses in the manner of an
external data set, tiny://star1, tiny://directrefusal and tiny://safechain with the same parameters.
"""

import hashlib
import inspect
from types import ModuleType
from urllib.parse import parse_qsl, urlsplit

from thinksafe import tinyworld
from thinksafe.errors import SettingsError
from thinksafe.prompts.tables import Row
from thinksafe.tinyworld import problems, requests, responses, splits, tasks, voices, words

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
    """The rows of a tiny:// source, each with id, text, label and category, and a response where there are some."""
    style = urlsplit(uri).netloc
    try:
        if style in responses.STYLES:
            found = responses.responses(style, **parameters(uri, style, _defaults(style)))
            return [dict(row) for row in found]
        return [dict(row) for row in tinyworld.prompts(**parameters(uri, "prompts", DEFAULTS))]
    except ValueError as error:
        raise SettingsError(f"{uri}: {error}") from error


def fingerprint(uri: str) -> str:
    """The URI's parameters in full, and a digest of the code that makes the rows."""
    style = urlsplit(uri).netloc
    if style in responses.STYLES:
        values = parameters(uri, style, _defaults(style))
        return f"tiny:{style}:{values}:{code_digest(voices, responses)}"
    values = parameters(uri, "prompts", DEFAULTS)
    return f"tiny:prompts:{values}:{code_digest()}"


def _defaults(style: str) -> dict[str, int]:
    return {**DEFAULTS, "benign": DEFAULTS["benign"] if style in responses.WITH_BENIGN else 0}


def code_digest(*further: ModuleType) -> str:
    """The SHA-256 of the modules that make prompts, problems and their truth, and of further ones."""
    modules = (words, requests, splits, problems, tasks, *further)
    sources = (inspect.getsource(module) for module in modules)
    return hashlib.sha256("\n".join(sources).encode()).hexdigest()[:16]
