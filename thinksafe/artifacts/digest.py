"""The name of an artifact: a hash of what it is made from and how."""

import hashlib
import json
from collections.abc import Sequence


def digest(stage: str, recipe: int, parameters: dict, inputs: Sequence[str]) -> str:
    """sha256 (64 hex digits) over canonical JSON: sorted keys, floats by repr, no NaN.

    `recipe` is the version of the stage's code, `inputs` are the digests of the artifacts it reads, in order.
    Raises TypeError or ValueError, naming the place, for a value that JSON cannot carry exactly.
    """
    _check(parameters, "parameters")
    document = {"stage": stage, "recipe": recipe, "parameters": parameters, "inputs": list(inputs)}
    return hashlib.sha256(canonical(document)).hexdigest()


def canonical(document: object) -> bytes:
    """The one way to write a JSON document: equal documents give equal bytes, on every machine."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def _check(value: object, where: str) -> None:
    """json would turn the key 1 into "1" and a named tuple into a list without a word; only plain types pass."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{where}: the key {key!r} is not text")
            _check(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            _check(inner, f"{where}[{i}]")
    elif isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{where}: {value} cannot be part of a digest")
    elif value is not None and not isinstance(value, str | int | bool):
        raise TypeError(f"{where}: {type(value).__name__} cannot be part of a digest")
