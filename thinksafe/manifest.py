"""Reading a manifest, and telling in one line what is wrong with it."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from thinksafe.errors import SettingsError, UsageError
from thinksafe.spec import KIND, Manifest
from thinksafe.spec.experiment import EXPERIMENT_KIND, ExperimentManifest

M = TypeVar("M", bound=BaseModel)
COMMANDS = {KIND: "thinksafe run", EXPERIMENT_KIND: "thinksafe experiment"}


class _Loader(yaml.SafeLoader):
    """YAML with the scalars that kubectl reads: 1e-5 is a number, 2024-01-01 and 1:30 are texts, a key stands once."""

    def compose_mapping_node(self, anchor: dict) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set[str]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(None, None, f"the key {key.value} stands there twice", key.start_mark)
            seen.add(str(key.value))
        return node


_OTHERWISE = ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp")
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OTHERWISE]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int",
    re.compile(r"[-+]?(0|[1-9][0-9_]*|0[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+)$"),
    list("-+0123456789"),
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"),
    list("-+.0123456789"),
)


def read(path: Path) -> Manifest:
    """Read and check one ThinkSafeRun manifest.

    Raises UsageError if there is no such file, SettingsError (naming file and field) if it is not valid.
    """
    return parse(read_document(path), where=str(path))


def read_experiment(path: Path) -> ExperimentManifest:
    """Read and check one ThinkSafeExperiment manifest; raises as `read` does. Its variants are not expanded."""
    return parse_experiment(read_document(path), where=str(path))


def read_either(path: Path) -> Manifest | ExperimentManifest:
    """Read a manifest of whichever of the two kinds it says it is; raises as `read` does."""
    document = read_document(path)
    wanted = parse_experiment if kind_of(document) == EXPERIMENT_KIND else parse
    return wanted(document, where=str(path))


def kind_of(document: object) -> object:
    """What a document says that it is, if it says so."""
    return document.get("kind") if isinstance(document, Mapping) else None


def read_document(path: Path) -> object:
    """The one document of a YAML file, as kubectl would send it; nothing of it is checked yet."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from None
    try:
        documents = [d for d in yaml.load_all(text, _Loader) if d is not None]
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not YAML: {error}", reason="InvalidSpec") from None
    if len(documents) != 1:
        raise SettingsError(f"{path}: holds {len(documents)} documents; one manifest is needed")
    return documents[0]


def parse(document: object, where: str) -> Manifest:
    """Check a ThinkSafeRun that is already parsed YAML or JSON; `where` is named in the error."""
    _refuse(EXPERIMENT_KIND, document, where)
    return _checked(Manifest, document, where)


def parse_experiment(document: object, where: str) -> ExperimentManifest:
    """Check a ThinkSafeExperiment that is already parsed YAML or JSON; `where` is named in the error."""
    _refuse(KIND, document, where)
    return _checked(ExperimentManifest, document, where)


def _refuse(kind: str, document: object, where: str) -> None:
    """Say which command is for a good manifest of the other kind."""
    if kind_of(document) == kind:
        other = next(k for k in COMMANDS if k != kind)
        raise SettingsError(
            f"{where}: kind: is {kind}, and {other} is needed here", reason="InvalidSpec",
            hint=f"The command for a {kind} is `{COMMANDS[kind]}`",
        )  # fmt: skip


def _checked(model: type[M], document: object, where: str) -> M:
    try:
        return model.model_validate(document, by_alias=True, by_name=False)
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
    if message.startswith("."):
        return f"{field}{message}"  # the path goes on (part.py)
    message = message[0].lower() + message[1:]
    return f"{field}: {message} (got {problem['input']!r:.60})" if field else message
