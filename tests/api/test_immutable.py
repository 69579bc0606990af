"""A spec cannot be changed, but for how long it may run; applying it again changes nothing."""

import copy
import itertools
import json

import pytest

from api.runs import SMALLEST, Refused, Runs, manifest
from thinksafe.crd.kinds import RUN
from thinksafe.spec import RunSpec

SPEC = {
    **SMALLEST,
    "generation": {"samples": 2},
    "evaluation": {"benchmarks": ["gsm8k", "math500"]},
    "storage": {"uri": "s3://bucket/x", "region": "eu-west-1"},
    "queueName": "gpus",
    "modelCache": {"hostPath": "/models"},
    "workers": {
        "env": [{"name": "A", "value": "1"}],
        "resources": {"limits": {"cpu": 2}},
        "volumes": [{"name": "data", "emptyDir": {}}],
        "podTemplate": {"spec": {"hostNetwork": False, "affinity": {"a": 1}}},
    },
    "stages": {"generate": {"replicas": 2}},
}
# The field at fault, the path in the spec, the new value; DROPPED takes the field away.
DROPPED = object()
CHANGES = [
    ("model", "model.name", "tiny://student?seed=1"),
    ("model", "model.revision", "abc"),
    ("generator", "generator", {"name": "tiny://student?seed=1"}),
    ("prompts", "prompts", [{"source": "tiny://prompts?seed=1"}]),
    ("prompts", "prompts", [{"source": "tiny://prompts"}, {"source": "tiny://prompts?seed=1"}]),
    ("dedup", "dedup", {"near": 0}),
    ("steering", "steering", {"template": "risk"}),
    ("generation", "generation.samples", 3),
    ("generation", "generation", DROPPED),
    ("guard", "guard", {"threshold": 0.4}),
    ("quorum", "quorum", {"need": 2, "guards": [{"name": "tiny://guard?seed=1"}]}),
    ("training", "training", {"rank": 8}),
    ("evaluation", "evaluation.benchmarks", ["math500", "gsm8k"]),
    ("gate", "gate", {"rules": []}),
    ("storage", "storage", DROPPED),
    ("storage", "storage.region", DROPPED),
    ("workers", "workers.env", [{"name": "A", "value": "2"}]),
    ("workers", "workers.resources.limits", {"cpu": "2"}),
    ("workers", "workers.volumes", [{"name": "data", "hostPath": {"path": "/"}}]),
    ("workers", "workers.podTemplate.spec", {"hostNetwork": True, "affinity": {"a": 1}}),
    ("workers", "workers.podTemplate.spec", {"hostNetwork": False, "affinity": {"b": 1}}),
    ("workers", "workers.podTemplate.spec", {"hostNetwork": False, "hostPID": True}),
    ("workers", "workers", DROPPED),
    ("stages", "stages.generate.replicas", 3),
    ("stages", "stages.train", {"replicas": 2}),
    ("modelCache", "modelCache", {"hostPath": "/other"}),
    ("modelCache", "modelCache", DROPPED),
    ("seed", "seed", 7),
    ("queueName", "queueName", "other"),
    ("queueName", "queueName", DROPPED),
]
_numbers = itertools.count()


@pytest.fixture
def run(runs: Runs):
    """A stored run with SPEC."""
    name = f"run-{next(_numbers)}"
    yield runs.create(manifest(name, SPEC))
    runs.delete(name)


def changed(spec: dict, path: str, value: object) -> dict:
    spec = copy.deepcopy(spec)
    *parents, last = path.split(".")
    at = spec
    for key in parents:
        at = at.setdefault(key, {})
    if value is DROPPED:
        del at[last]
    else:
        at[last] = value
    return spec


@pytest.mark.parametrize(("field", "path", "value"), CHANGES)
def test_a_change_is_refused_and_the_field_named(runs: Runs, run: dict, field: str, path: str, value: object):
    with pytest.raises(Refused, match=rf"spec\.{field}: .*cannot be changed") as caught:
        runs.replace({**run, "spec": changed(run["spec"], path, value)})
    assert caught.value.code == 422
    assert runs.get(run["metadata"]["name"])["spec"] == run["spec"]


def test_every_field_that_is_not_mutable_is_tried():
    fields = {f.alias for f in RunSpec.model_fields.values()}
    assert {field for field, _, _ in CHANGES} == fields - set(RUN.mutable)


@pytest.mark.parametrize("field", RUN.mutable)
def test_what_may_change_may_come_change_and_go(runs: Runs, run: dict, field: str):
    values = (True, False) if field == "suspend" else (60, 90, None)
    for value in values:
        kept = runs.merge(run["metadata"]["name"], {"spec": {field: value}})["spec"]
        assert kept.get(field) == value
        assert {k: v for k, v in kept.items() if k != field} == {k: v for k, v in run["spec"].items() if k != field}


@pytest.mark.parametrize("how", [[], ["--server-side", "--field-manager=gitops"]], ids=["apply", "server-side"])
def test_the_same_manifest_again_changes_nothing(runs: Runs, control_plane, how: list[str]):
    text = json.dumps(manifest("again", SPEC))
    apply = ["apply", *how, "-n", runs.namespace, "-f", "-"]
    control_plane.kubectl(*apply, input=text)
    generation = runs.get("again")["metadata"]["generation"]
    try:
        # The first time the API server stores the default of the status with it, which is no change of the run's.
        control_plane.kubectl(*apply, input=text)
        before = runs.get("again")
        assert before["metadata"]["generation"] == generation
        control_plane.kubectl(*apply, input=text)
        after = runs.get("again")
        assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        # A section that is said empty is the section with its defaults, whoever says it.
        control_plane.kubectl(*apply, input=json.dumps(manifest("again", {**SPEC, "training": {}, "steering": None})))
        assert runs.get("again")["metadata"]["generation"] == before["metadata"]["generation"]
    finally:
        runs.delete("again")


def test_the_status_may_change_when_nothing_else_may(runs: Runs, run: dict):
    written = runs.replace_status({**run, "status": {"phase": "Running"}})
    assert written["status"] == {"phase": "Running"}
    assert written["metadata"]["generation"] == run["metadata"]["generation"]
