"""Random objects from the CRD's own schema: valid ones, and valid ones with one thing made wrong.

The schema tells types and bounds; what its CEL rules ask for beyond them is mended afterwards (`_MENDED`).
"""

import copy
import random
import re
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from thinksafe.crd.definition import definition
from thinksafe.spec import NAMED_TEMPLATES

Schema = dict[str, Any]
_ROOT = definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
SPEC: Schema = _ROOT["properties"]["spec"]
STATUS: Schema = _ROOT["properties"]["status"]

# Anything JSON can hold but lone surrogates; integers as the API server keeps them, floats that stay floats.
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=5,
)
_KEYS = st.text(string.ascii_lowercase, min_size=1, max_size=8)
_TIMES = st.datetimes(datetime(1970, 1, 1)).map(lambda t: t.replace(microsecond=0).isoformat() + "Z")


def valid(schema: Schema, name: str = "") -> st.SearchStrategy:
    """Objects that the schema and its rules allow. `name` is the field's, for what is mended."""
    made = _valid(schema, name)
    if name in _MENDED:
        made = st.builds(_MENDED[name], made, st.randoms(use_true_random=False))
    return made | st.none() if schema.get("nullable") else made


def _valid(schema: Schema, name: str) -> st.SearchStrategy:
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return st.integers(0, 10**9) | st.sampled_from(["500m", "1.5Gi", "2e3", ".5", "4Ti", "+1"])
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return _ANYTHING
    return _BY_TYPE[schema["type"]](schema, name)


def _object(schema: Schema, _: str) -> st.SearchStrategy:
    if "additionalProperties" in schema:
        needed = {key: _KEYS for key in schema.get("required", [])}
        others = st.dictionaries(_KEYS, valid(schema["additionalProperties"]), max_size=3)
        return st.builds(lambda a, b: {**a, **b}, others, st.fixed_dictionaries(needed))
    fields = {name: valid(field, name) for name, field in schema["properties"].items()}
    needed = set(schema.get("required", []))
    return st.fixed_dictionaries(
        {k: v for k, v in fields.items() if k in needed},
        optional={k: v for k, v in fields.items() if k not in needed},
    )


def _array(schema: Schema, name: str) -> st.SearchStrategy:
    low, high = schema.get("minItems", 0), min(schema.get("maxItems", 3), 3)
    items, kind = valid(schema["items"], f"{name}[]"), schema["x-kubernetes-list-type"]
    if kind == "atomic":
        return st.lists(items, min_size=low, max_size=high)
    (key,) = schema["x-kubernetes-list-map-keys"]
    return st.lists(items, min_size=low, max_size=high, unique_by=lambda item: item[key])


def _text(schema: Schema, _: str) -> st.SearchStrategy:
    if schema.get("format") == "date-time":
        return _TIMES
    low, high = schema.get("minLength", 0), schema.get("maxLength", 20)
    if "pattern" in schema:
        return st.from_regex(re.compile(schema["pattern"], re.ASCII), fullmatch=True).filter(
            lambda text: low <= len(text) <= high and not text.endswith("\n")
        )
    letters = st.characters(exclude_categories=["Cs"])
    return st.text(letters, min_size=low, max_size=min(high, 20)) | st.just("x" * high)


def _number(schema: Schema, _: str) -> st.SearchStrategy:
    low, high = schema.get("minimum", -1e6), schema.get("maximum", 1e6)
    return st.floats(
        low, high, allow_subnormal=False,
        exclude_min=schema.get("exclusiveMinimum", False), exclude_max=schema.get("exclusiveMaximum", False),
    )  # fmt: skip


_BY_TYPE: dict[str, Callable[[Schema, str], st.SearchStrategy]] = {
    "object": _object,
    "array": _array,
    "string": _text,
    "boolean": lambda schema, _: st.booleans(),
    "integer": lambda schema, _: st.integers(schema.get("minimum", -(2**31)), schema.get("maximum", 2**31 - 1)),
    "number": _number,
}


def _exactly_one(**made: Any) -> Callable[[dict, random.Random], dict]:
    def mend(thing: dict, rng: random.Random) -> dict:
        there = [k for k in made if thing.get(k) is not None] or list(made)
        chosen = rng.choice(there)
        kept = {k: v for k, v in thing.items() if k not in made}
        return {**kept, chosen: thing[chosen] if thing.get(chosen) is not None else made[chosen]}

    return mend


def _template(_: str, rng: random.Random) -> str:
    return rng.choice([*NAMED_TEMPLATES, "{prompt}", "é\n{prompt}{ }"])


def _rung(rung: dict, rng: random.Random) -> dict:
    return {**rung, "template": _template("", rng)}


def _prompts(source: dict, rng: random.Random) -> dict:
    source = {**source, "source": rng.choice(["tiny://prompts", "hf://a/b", "s3://b/k.csv", "./x y.csv"])}
    if source["source"].startswith("tiny://"):
        source["format"] = rng.choice(["tiny", "auto"])
    if source.get("filter") == "none":
        source["responses"] = "given"
    if source.get("columns") is not None and source.get("format", "auto") not in ("auto", "columns"):
        del source["columns"]
    return source


def _evaluation(evaluation: dict, _: random.Random) -> dict:
    names = list(dict.fromkeys(evaluation.get("benchmarks", [])))
    sources = {b: "s3://b/k.csv" for b in names if b.startswith("harmbench")}
    return {**evaluation, "benchmarks": names, "sources": sources}


def _rule(rule: dict, rng: random.Random) -> dict:
    bounds = ("max", "min", "maxRise", "maxDrop", "minDrop")
    bound = {} if any(rule.get(b) is not None for b in bounds) else {rng.choice(bounds): 0.25}
    return {**rule, **bound, "benchmark": None}


def _storage(storage: dict, rng: random.Random) -> dict:
    storage = {**storage, "uri": rng.choice(["s3://b", "s3://b/é/x", "file:///x", "file://localhost/x"])}
    if storage.get("endpoint") is not None:
        storage["endpoint"] = rng.choice(["http://h:9000", "https://[::1]/x"])
    return storage


def _env(variable: dict, _: random.Random) -> dict:
    return {k: v for k, v in variable.items() if k != "value" or variable.get("valueFrom") is None}


def _toleration(toleration: dict, _: random.Random) -> dict:
    toleration = dict(toleration)
    if not toleration.get("key"):
        toleration["operator"] = "Exists"
    if toleration.get("operator") == "Exists":
        toleration.pop("value", None)
    if toleration.get("effect") != "NoExecute":
        toleration.pop("tolerationSeconds", None)
    return toleration


def _single(stage: Any, _: random.Random) -> Any:
    if not isinstance(stage, dict):  # the status has a text of that name
        return stage
    return {k: v for k, v in stage.items() if k != "replicas"}


_KEY = {"name": "s", "key": "k"}
_MENDED: dict[str, Callable[[Any, random.Random], Any]] = {
    "steering": lambda s, rng: {**s, "template": _template("", rng)},
    "ladder[]": _rung,
    "prompts[]": _prompts,
    "probe": lambda p, rng: p and {**p, "candidates": rng.sample([*NAMED_TEMPLATES, "{prompt}"], 3)},
    "quorum": lambda q, _: q and {**q, "need": min(q["need"], 1 + len(q["guards"]))},
    "evaluation": _evaluation,
    "rules[]": _rule,
    "storage": _storage,
    "modelCache": _exactly_one(persistentVolumeClaim="models", hostPath="/models", image="models:1"),
    "env[]": _env,
    "valueFrom": _exactly_one(secretKeyRef=_KEY, configMapKeyRef=_KEY, fieldRef={"fieldPath": "status.podIP"}),
    "envFrom[]": _exactly_one(secretRef={"name": "s"}, configMapRef={"name": "c"}),
    "tolerations[]": _toleration,
    "resourceClaims[]": _exactly_one(resourceClaimName="a", resourceClaimTemplateName="b"),
    "prepare": _single,
    "report": _single,
}


@dataclass(frozen=True)
class Fault:
    """A spec with one thing wrong, and the field that a message about it must name."""

    spec: dict
    field: str
    what: str


def faults() -> st.SearchStrategy[Fault]:
    """A valid spec in which one field, anywhere, was made wrong."""
    return st.builds(_break, valid(SPEC), st.randoms(use_true_random=False))


def _break(spec: dict, rng: random.Random) -> Fault:
    spec = copy.deepcopy(spec)
    places = list(_places(spec, SPEC, "spec"))
    holder, key, schema, path = rng.choice(places)
    if key is None:
        holder["notAField"] = 1
        return Fault(spec, f"{path}.notAField", "unknown field")
    what, value = rng.choice(list(_wrong(schema)))
    holder[key] = value
    return Fault(spec, path, what)


def _places(value: Any, schema: Schema, path: str) -> Iterator[tuple[Any, Any, Schema, str]]:
    """Every place of an object where something can be made wrong: its holder, its key there, its schema, its path.

    Without a key the place is an object that can get a field nobody knows.
    """
    if isinstance(value, dict) and "properties" in schema:
        yield value, None, schema, path
        for key, field in schema["properties"].items():
            yield value, key, field, f"{path}.{key}"
            if key in value:
                yield from _places(value[key], field, f"{path}.{key}")
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield value, i, schema["items"], f"{path}[{i}]"
            yield from _places(item, schema["items"], f"{path}[{i}]")


def _wrong(schema: Schema) -> Iterator[tuple[str, Any]]:
    """Values that the schema does not allow, with what is wrong with them."""
    yield "wrong type", {"string": 7, "integer": "7", "number": "7", "boolean": "yes", "array": {}, "object": []}.get(
        schema.get("type", ""), True
    )
    if "enum" in schema:
        yield "not in the list", "nothing-we-know"
    if "minimum" in schema:
        yield "too small", schema["minimum"] if schema.get("exclusiveMinimum") else schema["minimum"] - 1
    if "maximum" in schema:
        yield "too large", schema["maximum"] if schema.get("exclusiveMaximum") else schema["maximum"] + 1
    if "maxLength" in schema and "enum" not in schema and not schema.get("x-kubernetes-int-or-string"):
        yield "too long", "x" * (schema["maxLength"] + 1)
    if schema.get("minLength"):
        yield "too short", ""
    if "pattern" in schema:
        yield "does not match", "Ä nothing / that = matches"
