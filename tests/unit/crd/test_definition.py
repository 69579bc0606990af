"""What is committed in crds/ and docs/ is what the generator writes, and a cluster can take it."""

import json
from pathlib import Path

import pytest

from thinksafe.crd.__main__ import FILES
from thinksafe.crd.definition import MUTABLE, definition

ROOT = Path(__file__).parents[3]
VERSION = definition()["spec"]["versions"][0]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
# Client-side apply, and Argo CD with it, keep the whole object in an annotation of at most 256 KiB.
MAX_BYTES = 200_000


def fields(schema, path=""):
    for name, field in schema.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
        yield from fields(field.get("items", {}), f"{path}.{name}[]")


@pytest.mark.parametrize("name", FILES)
def test_what_is_committed_is_what_make_crds_writes(name):
    assert (ROOT / name).read_text() == FILES[name](), f"{name} is not up to date: run `make crds`"


def test_no_null_means_anything_but_unset():
    """Client-side apply drops nulls: one that took the place of a default would be lost without a word."""
    assert [path for path, field in fields(SCHEMA) if field.get("nullable") and field.get("default") is not None] == []


def test_it_is_small_enough_for_every_way_to_apply_it():
    assert len(json.dumps(definition())) < MAX_BYTES
    assert (ROOT / "crds" / "thinksafe.dev_thinksaferuns.yaml").stat().st_size < MAX_BYTES


@pytest.mark.parametrize(("path", "field"), list(fields(SCHEMA)), ids=lambda v: v if isinstance(v, str) else "")
def test_every_field_has_a_sentence(path, field):
    if not path.startswith(".metadata"):
        assert is_sentence(field["description"]), f"{path}: {field['description']}"
    if "description" in (item := field.get("items", {})):  # the docstring of a part of which there is a list
        assert is_sentence(item["description"]), f"{path}[]: {item['description']}"


def is_sentence(text):
    return text[0].isupper() and text.endswith(".") and len(text.split()) > 4


def test_the_columns_read_words_and_no_position_in_a_list():
    columns = {c["name"]: c for c in VERSION["additionalPrinterColumns"]}
    assert [n for n, c in columns.items() if not c.get("priority")] == ["Phase", "Stage", "Progress", "Gate", "Age"]
    assert [n for n, c in columns.items() if c.get("priority")] == ["Queue", "Message"]
    assert not any("[" in c["jsonPath"] for c in columns.values())


def test_everything_but_what_may_change_has_a_rule_that_it_stays():
    spec = SCHEMA["properties"]["spec"]
    kept = {r["fieldPath"][1:] for r in spec["x-kubernetes-validations"] if "oldSelf" in r["rule"]}
    assert kept == set(spec["properties"]) - set(MUTABLE)


def test_only_what_nobody_reads_before_kubernetes_is_without_a_schema():
    def schemaless(node):
        if isinstance(node, dict):
            return node.get("x-kubernetes-preserve-unknown-fields", False) or any(map(schemaless, node.values()))
        return False

    leaves = [(path, field) for path, field in fields(SCHEMA) if "properties" not in field]
    found = {path.rpartition(".")[2] for path, field in leaves if schemaless(field)}
    assert found == {"volumes", "volumeMounts", "spec"}
