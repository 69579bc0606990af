"""The statement beside a released adapter: in-toto's Statement v1 with a predicate of our own. Pure.

    subject         every file of the adapter with its sha256
    predicate       what it was made from, by which code, what was measured, and what the gate said

The models here are its documentation and its check. An unknown field is an error, as it is in a summary: what a
reader does not know it cannot vouch for, and another form of predicate has another type. Everything in a statement
stands in artifacts that are written once, so whoever makes it again from the same artifacts makes the same bytes.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from thinksafe.analysis import summary
from thinksafe.errors import DataError
from thinksafe.models import taken_apart

NAME = "statement.json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://thinksafe.dev/attestation/adapter/v1"
_COMMIT = re.compile(r"hub:.+@([0-9a-f]{40})")
_SHA256 = re.compile(r"sha256:([0-9a-f]{64})")

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
# What identifies a model's files: the hub's commit, or a hash over the files of a folder.
ModelDigest = Annotated[
    dict[Literal["gitCommit", "sha256"], Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40,64}$")]],
    Field(min_length=1, max_length=1),
]
# A plain file name: no folder, nothing hidden, nothing that a path could be built of.
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$")]


class Part(BaseModel):
    """A part of the statement; its fields are written in camelCase."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, alias_generator=to_camel,
        validate_by_name=False, validate_by_alias=True,
    )  # fmt: skip


class Unsaid(Part):
    """A part whose optional fields are not written where there is nothing to say: the others stay the same bytes."""

    @model_serializer(mode="wrap")
    def _said_only(self, write: SerializerFunctionWrapHandler) -> dict[str, object]:
        optional = {f.alias or name for name, f in type(self).model_fields.items() if not f.is_required()}
        return {name: value for name, value in write(self).items() if value is not None or name not in optional}


class FileDigest(Part):
    """The digest of a file."""

    sha256: Sha256


class Subject(Part):
    """One file of the adapter."""

    name: FileName
    digest: FileDigest


class Model(Part):
    """A model: its name and revision as the manifest gave them, and what identified its files."""

    name: str
    revision: str | None
    dtype: str
    digest: ModelDigest


class Generator(Model, Unsaid):
    """The model that wrote the training responses, and the artifact of the LoRA that was on, if one was."""

    adapter: Sha256 | None = None


class Guard(Model):
    """The model that judged the training data, and from which probability on it says unsafe."""

    family: str
    threshold: float


class Quorum(Part):
    """The guards that judged the training data, too, and how many of all had to call a response safe."""

    need: int
    guards: list[Guard]


class Made(Part):
    """An artifact: the digest of what it is made from, and the sha256 of its manifest, which lists its bytes."""

    digest: Sha256
    manifest: Sha256


class Data(Part):
    """Where the prompts came from, and every artifact between them and the verdict."""

    prompts: summary.Prompts
    fingerprints: dict[str, str] = Field(description="What identified each source of prompts and each benchmark.")
    artifacts: dict[str, Made]


class Training(Part):
    """How the adapter was trained."""

    parameters: dict[str, JsonValue]
    steering: dict[str, JsonValue]
    seed: int


class Predicate(Unsaid):
    """All that is said of the adapter."""

    run: summary.RunName = Field(description="Who made the report; another run of the same content shares it.")
    base_model: Model
    generator: Generator
    guard: Guard
    quorum: Quorum | None = None
    judge: Model
    data: Data
    training: Training
    versions: dict[str, dict[str, str]] = Field(description="By artifact: of thinksafe, libraries, image if known.")
    metrics: list[summary.Metric]
    gate: summary.Gate

    @model_validator(mode="after")
    def _gate_agrees(self) -> "Predicate":
        if self.gate.passed != (bool(self.gate.rules) and all(rule.passed for rule in self.gate.rules)):
            raise ValueError("the gate's verdict is not what its rules say")
        return self


class Statement(Part):
    """A whole statement.json."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[Subject], Field(min_length=1)]
    predicate_type: Literal["https://thinksafe.dev/attestation/adapter/v1"]
    predicate: Predicate

    @model_validator(mode="after")
    def _names_differ(self) -> "Statement":
        if len(self.files) < len(self.subject):
            raise ValueError("a file is named twice")
        if NAME in self.files:
            raise ValueError(f"{NAME} cannot vouch for itself")
        return self

    @property
    def files(self) -> dict[str, str]:
        """The sha256 of every file by its name."""
        return {subject.name: subject.digest.sha256 for subject in self.subject}


def build(
    files: Mapping[str, str], document: Mapping, made: Mapping[str, dict], versions: Mapping[str, dict[str, str]]
) -> Statement:
    """The statement of an adapter with these files (sha256 by name), out of its run's summary.

    `made` has `digest` and `manifest` of every artifact by name, `versions` those of the code that made it.
    """
    lineage = document["lineage"]
    sources = {k: v for k, v in lineage["fingerprints"].items() if k.startswith(("prompts/", "benchmark/"))}
    content = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in sorted(files.items())],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "run": document["run"],
            "baseModel": _model(lineage["model"]),
            "generator": _generator(lineage["generator"]),
            "guard": _guard(lineage["guard"]),
            **_quorum(lineage.get("quorum")),
            "judge": _model(lineage["judge"]),
            "data": {"prompts": document["prompts"], "fingerprints": sources, "artifacts": dict(made)},
            "training": {
                "parameters": lineage["training"],
                "steering": lineage["steering"],
                "seed": lineage["seed"],
            },
            "versions": dict(versions),
            "metrics": document["metrics"],
            "gate": document["gate"],
        },
    }
    return Statement.model_validate(content, strict=True)


def to_bytes(statement: Statement) -> bytes:
    """The one way a statement is written: sorted, so that the same statement is the same bytes."""
    content = statement.model_dump(mode="json", by_alias=True)
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def read(content: bytes, where: str) -> Statement:
    """The statement in a file. Raises DataError for anything else, also for another type of statement."""
    document = _parsed(content, where)
    for field, wanted in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
        if (found := document.get(field)) != wanted:
            raise DataError(
                f"{where}: its {field} is {str(found)[:200]!r}, not {wanted!r}", reason="OtherStatement",
                hint="It may be of another version of thinksafe; it vouches for nothing here",
            )  # fmt: skip
    try:
        return Statement.model_validate(document, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the document"
        raise DataError(
            f"{where}: {place[:200]}: {first['msg']}", reason="InvalidStatement", hint="Do not use this adapter"
        ) from None


def _model(said: Mapping) -> dict:
    fingerprint = str(said["fingerprint"])
    if found := _COMMIT.fullmatch(fingerprint):
        digest = {"gitCommit": found[1]}
    elif found := _SHA256.fullmatch(fingerprint):
        digest = {"sha256": found[1]}
    else:
        raise DataError(
            f"model {said['name']}: its fingerprint {fingerprint!r} is no commit and no hash", reason="NoDigest",
            hint="Name the model by its 40-digit commit in the manifest",
        )  # fmt: skip
    return {"name": said["name"], "revision": said["revision"], "dtype": said["dtype"], "digest": digest}


def _generator(said: Mapping) -> dict:
    base, adapter = taken_apart(str(said["fingerprint"]))
    return {**_model({**said, "fingerprint": base}), **({"adapter": adapter} if adapter else {})}


def _guard(said: Mapping) -> dict:
    return {**_model(said), "family": said["family"], "threshold": said["threshold"]}


def _quorum(said: Mapping | None) -> dict:
    return {} if said is None else {"quorum": {"need": said["need"], "guards": [_guard(g) for g in said["guards"]]}}


def _parsed(content: bytes, where: str) -> dict:
    """JSON that every reader reads alike: no key twice, no NaN."""
    try:
        document = json.loads(content.decode(), object_pairs_hook=_once, parse_constant=_none_such)
    except (ValueError, RecursionError):
        raise DataError(
            f"{where}: is not one clean JSON object", reason="InvalidStatement", hint="Do not use this adapter"
        ) from None
    if not isinstance(document, dict):
        raise DataError(f"{where}: is not a JSON object", reason="InvalidStatement", hint="Do not use this adapter")
    return document


def _once(pairs: list[tuple[str, object]]) -> dict:
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _none_such(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
