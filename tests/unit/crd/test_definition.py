"""What is committed in crds/ and docs/ is what the generator writes, and a cluster can take it."""

import json
from pathlib import Path

import pytest

from thinksafe.crd.__main__ import FILES
from thinksafe.crd.definition import definition
from thinksafe.crd.kinds import EXPERIMENT, KINDS, RUN, Kind
from thinksafe.experiment_status import EXPERIMENT_PHASES, ExperimentStatus

ROOT = Path(__file__).parents[3]


def version(kind: Kind) -> dict:
    return definition(kind)["spec"]["versions"][0]


def schema(kind: Kind) -> dict:
    return version(kind)["schema"]["openAPIV3Schema"]


OF_EACH = pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
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


@OF_EACH
def test_no_null_means_anything_but_unset(kind):
    """Client-side apply drops nulls: one that took the place of a default would be lost without a word."""
    nullable = [(path, field) for path, field in fields(schema(kind)) if field.get("nullable")]
    assert [path for path, field in nullable if field.get("default") is not None] == []


@OF_EACH
def test_it_is_small_enough_for_every_way_to_apply_it(kind):
    assert len(json.dumps(definition(kind))) < MAX_BYTES
    assert (ROOT / "crds" / f"thinksafe.dev_{kind.plural}.yaml").stat().st_size < MAX_BYTES


@pytest.mark.parametrize(
    ("path", "field"),
    [(f"{kind.short}{path}", field) for kind in KINDS for path, field in fields(schema(kind))],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_every_field_has_a_sentence(path, field):
    if ".metadata" not in path:
        assert is_sentence(field["description"]), f"{path}: {field['description']}"
    if "description" in (item := field.get("items", {})):  # the docstring of a part of which there is a list
        assert is_sentence(item["description"]), f"{path}[]: {item['description']}"


def is_sentence(text):
    return text[0].isupper() and text.endswith(".") and len(text.split()) > 4


@pytest.mark.parametrize(
    ("kind", "always", "wide"),
    [
        (RUN, ["Phase", "Stage", "Progress", "Gate", "Age"], ["Queue", "Message"]),
        (EXPERIMENT, ["Phase", "Done", "Baseline", "Age"], ["Report", "Message"]),
    ],
    ids=lambda v: v.name if isinstance(v, Kind) else "",
)
def test_the_columns_read_words_and_no_position_in_a_list(kind, always, wide):
    columns = {c["name"]: c for c in version(kind)["additionalPrinterColumns"]}
    assert [n for n, c in columns.items() if not c.get("priority")] == always
    assert [n for n, c in columns.items() if c.get("priority")] == wide
    assert not any("[" in c["jsonPath"] for c in columns.values())


@OF_EACH
def test_everything_but_what_may_change_has_a_rule_that_it_stays(kind):
    spec = schema(kind)["properties"]["spec"]
    kept = {r["fieldPath"][1:] for r in spec["x-kubernetes-validations"] if "oldSelf" in r["rule"]}
    assert kept == set(spec["properties"]) - set(kind.mutable)


def test_the_run_of_an_experiment_has_the_schema_of_a_run():
    run, alone = schema(EXPERIMENT)["properties"]["spec"]["properties"]["run"], schema(RUN)["properties"]["spec"]
    rules = [r for r in alone["x-kubernetes-validations"] if "oldSelf" not in r["rule"]]
    assert {**run, "description": ""} == {**alone, "description": "", "x-kubernetes-validations": rules}


def test_the_phases_of_an_experiment_are_those_of_its_schema():
    phases = schema(EXPERIMENT)["properties"]["status"]["properties"]["phase"]["enum"]
    assert tuple(phases) == EXPERIMENT_PHASES
    assert ExperimentStatus(phase="Running").phase in EXPERIMENT_PHASES


@pytest.mark.parametrize(
    ("kind", "named"),
    [(RUN, {"volumes", "volumeMounts", "spec"}), (EXPERIMENT, {"volumes", "volumeMounts", "spec", "patch"})],
    ids=lambda v: v.name if isinstance(v, Kind) else "",
)
def test_only_what_nobody_reads_before_kubernetes_is_without_a_schema(kind, named):
    def schemaless(node):
        if isinstance(node, dict):
            return node.get("x-kubernetes-preserve-unknown-fields", False) or any(map(schemaless, node.values()))
        return False

    leaves = [(path, field) for path, field in fields(schema(kind)) if "properties" not in field.get("items", field)]
    found = {path.rpartition(".")[2] for path, field in leaves if schemaless(field)}
    assert found == named
