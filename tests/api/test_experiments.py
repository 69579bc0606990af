"""ThinkSafeExperiments at a real API server: what it stores, and what a real operator makes of one; pods played."""

import itertools
import json
import uuid
from collections.abc import Iterator

import pytest
from cluster.crds import wait_until_served
from hypothesis import given

from api import objects
from api.player import playing, well
from api.running_operator import RunningOperator, install, wait_until
from api.runs import SMALLEST, Experiments, Refused, experiment
from api.test_random_specs import SLOWLY, lost
from api.tiny import tiny_run
from thinksafe.crd.definition import definition
from thinksafe.crd.kinds import EXPERIMENT
from thinksafe.experiment_status import ExperimentStatus, fit
from thinksafe.spec.experiment import ExperimentSpec
from thinksafe.status import MAX_BYTES, size

SCHEMA = definition(EXPERIMENT)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
SPEC = {"run": SMALLEST, "variants": [{"name": "a"}, {"name": "b", "patch": {"seed": 1, "training": None}}]}
NOW = "2026-11-24T10:00:00Z"
_numbers = itertools.count()

# --- what is stored ------------------------------------------------------------------------------------------------


@SLOWLY
@given(spec=objects.valid(SCHEMA["spec"]))
def test_a_valid_spec_comes_back_unpruned_and_unchanged_but_for_defaults(experiments: Experiments, spec: dict):
    names = [f"v{i}" for i, _ in enumerate(spec["variants"])]
    for i, variant in enumerate(spec["variants"]):
        variant["name"] = names[i]
        if variant.get("generatorFrom") is not None:
            variant["generatorFrom"] = names[i - 1] if i else None
    spec["baseline"] = names[-1] if spec.get("baseline") else None
    kept = experiments.try_create(experiment("random", spec))["spec"]
    assert lost(spec, kept) == []
    assert ExperimentSpec.model_validate(kept) == ExperimentSpec.model_validate(spec)


@pytest.fixture(scope="module")
def put(experiments: Experiments) -> Iterator[str]:
    """A stored experiment for every status."""
    experiments.create(experiment("put", SPEC))
    yield "put"
    experiments.delete("put")


@SLOWLY
@given(status=objects.valid(SCHEMA["status"]))
def test_a_valid_status_survives_being_put(experiments: Experiments, put: str, status: dict):
    ExperimentStatus.model_validate(status)
    kept = experiments.replace_status({**experiments.get(put), "status": status})["status"]
    assert lost(status, kept, "status") == []


@pytest.fixture
def stored(experiments: Experiments) -> Iterator[dict]:
    """A stored experiment with SPEC."""
    name = f"e{next(_numbers)}"
    yield experiments.create(experiment(name, SPEC))
    experiments.delete(name)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("run", {"run": {**SMALLEST, "seed": 7}}),
        ("variants", {"variants": [{"name": "a"}]}),
        ("variants", {"variants": [{"name": "a"}, {"name": "b", "patch": {"seed": 2, "training": None}}]}),
        ("variants", {"variants": [{"name": "a"}, {"name": "b", "patch": {"seed": 1}}]}),
        ("baseline", {"baseline": "b"}),
        ("failurePolicy", {"failurePolicy": "FailFast"}),
        ("stop", {"stop": {}}),
    ],
)
def test_a_change_is_refused_and_the_field_named(experiments: Experiments, stored: dict, field: str, change: dict):
    with pytest.raises(Refused, match=rf"spec\.{field}: .*cannot be changed") as caught:
        experiments.replace({**stored, "spec": {**stored["spec"], **change}})
    assert caught.value.code == 422


@pytest.mark.parametrize("field", EXPERIMENT.mutable)
def test_what_may_change_may_change(experiments: Experiments, stored: dict, field: str):
    value = True if field == "suspend" else 7
    assert experiments.merge(stored["metadata"]["name"], {"spec": {field: value}})["spec"][field] == value


def test_the_largest_status_is_kept_below_16_kib(experiments: Experiments, stored: dict):
    worst = _worst_status()
    assert size(worst) > 2 * MAX_BYTES
    fitted = fit(worst)
    kept = experiments.replace_status({**stored, "status": fitted})["status"]
    assert lost(fitted, kept, "status") == [] and size(kept) < MAX_BYTES
    for before, after in zip(worst["variants"], kept["variants"], strict=True):
        for field in ("name", "phase", "run", "runUid", "reason", "completionTime"):
            assert after[field] == before[field]


def _worst_status() -> dict:
    """As long as it may be, in every field."""
    result = {"kind": "accuracy", "benchmark": "b" * 63, "aligned": 0.12345678901234567}
    variants = [
        {
            "name": f"{i:024}", "phase": "GateFailed", "run": "r" * 40, "runUid": str(uuid.uuid4()), "stage": "s" * 63,
            "progress": "p" * 63, "gate": "Pending", "reason": "PendingDeadlineExceeded", "message": "m" * 256,
            "anotherRound": False, "adapter": "a" * 64, "completionTime": NOW, "results": [result] * 12,
        }
        for i in range(32)
    ]  # fmt: skip
    condition = {"status": "Unknown", "observedGeneration": 2**53, "lastTransitionTime": NOW, "message": "m" * 1024}
    kinds = ("Ready", "Reconciling", "Stalled", "Suspended", "Reported", "Complete", "Failed")
    failure = {"code": -1, "reason": "r" * 128, "message": "m" * 1024, "hint": "h" * 1024, "node": "n" * 253}
    return {
        "phase": "Suspended", "observedGeneration": 2**53, "startTime": NOW, "completionTime": NOW, "done": "32/32",
        "baseline": "b" * 24, "message": "m" * 1024, "variants": variants, "report": "s3://" + "r" * 1019,
        "comparison": {"before": "b" * 24, "job": "j" * 63, "attempt": 99, "failures": 9, "state": "Succeeded",
                       "time": NOW, "lastFailure": {**failure, "time": NOW}},
        "conditions": [{**condition, "type": kind, "reason": "PendingDeadlineExceeded"} for kind in kinds],
    }  # fmt: skip


# --- what the operator makes of it ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kubeconfig(controllers, tmp_path_factory):
    return install(controllers, tmp_path_factory.mktemp("operator"))


@pytest.fixture
def namespace(controllers, kubeconfig) -> Iterator[str]:
    name = f"experiments-{uuid.uuid4().hex[:6]}"
    controllers.kubectl("create", "namespace", name)
    yield name
    controllers.kubectl("delete", "namespace", name, "--wait=false")


def apply(access, namespace: str, name: str, *variants: dict, **fields: object) -> None:
    spec = {"run": tiny_run("x")["spec"], "variants": list(variants), **fields}
    access.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(experiment(name, spec)))


def read(access, namespace: str, kind: str, name: str = "") -> dict:
    return json.loads(access.kubectl("get", kind, *([name] if name else []), "-n", namespace, "-o", "json"))


def jobs_of(access, namespace: str, kind: str) -> list[str]:
    found = read(access, namespace, "jobs")["items"]
    return [j["metadata"]["name"] for j in found if j["metadata"]["ownerReferences"][0]["kind"] == kind]


@pytest.mark.timeout(1800)  # the programs may have to be built first
def test_rounds_go_from_apply_to_the_combined_report(controllers, kubeconfig, namespace, tmp_path):
    """Two rounds with a stop rule between them, and beside them a variant that nobody can run."""
    second = {"name": "second", "generatorFrom": "first"}
    broken = {"name": "broken", "patch": {"training": {"rank": 0}}}
    with RunningOperator(kubeconfig, tmp_path) as operator, playing(controllers, namespace):
        operator.wait_until_ready()
        apply(controllers, namespace, "e", {"name": "first"}, second, broken, stop={})
        condition = "--for=condition=Reported"
        controllers.kubectl("wait", condition, "thinksafeexperiment/e", "-n", namespace, "--timeout=240s")
        made = read(controllers, namespace, "thinksafeexperiment", "e")
        status = made["status"]
        assert {v["name"]: v["phase"] for v in status["variants"]} == {
            "first": "Succeeded", "second": "Succeeded", "broken": "Failed",
        }  # fmt: skip
        assert status["phase"] == "Failed" and status["done"] == "3/3"
        assert status["report"] == "s3://bucket/experiments/e/index.html"
        broken_line = next(v for v in status["variants"] if v["name"] == "broken")
        assert broken_line["reason"] == "InvalidSpec" and "training.rank" in broken_line["message"]
        runs = {r["metadata"]["name"]: r for r in read(controllers, namespace, "thinksaferuns")["items"]}
        assert set(runs) == {"e-first", "e-second"}
        assert runs["e-second"]["spec"]["generator"]["adapter"] == "d" * 64
        assert len(jobs_of(controllers, namespace, "ThinkSafeExperiment")) == 2
        assert operator.metric('thinksafe_experiments{phase="Failed"}') >= 1
        assert "finalizers" not in made["metadata"] and "kopf" not in json.dumps(made["metadata"])
        table = controllers.kubectl("get", "tse", "-n", namespace).splitlines()
        assert table[0].split() == ["NAME", "PHASE", "DONE", "BASELINE", "AGE"]
        assert table[1].split()[:4] == ["e", "Failed", "3/3", "first"]
        told = controllers.kubectl("events", "-n", namespace, "--for=thinksafeexperiment/e")
        assert "VariantStarted" in told and "another round is worth it" in told
        version = made["metadata"]["resourceVersion"]
        controllers.kubectl("delete", "thinksafeexperiment", "e", "-n", namespace)
        wait_until(lambda: not read(controllers, namespace, "thinksaferuns")["items"])
    assert version
    lines = [json.loads(line) for line in operator.log.read_text().splitlines()]
    assert any(line.get("experiment") == "e" for line in lines)
    assert not [line for line in lines if line["level"] in ("error", "critical")]


def test_an_experiment_that_is_killed_over_and_suspended_goes_on(controllers, kubeconfig, namespace, tmp_path):
    """The operator ends in the middle, a run is deleted after its end, and all of it is suspended for a while."""
    with playing(controllers, namespace, well):
        with RunningOperator(kubeconfig, tmp_path) as operator:
            operator.wait_until_ready()
            apply(controllers, namespace, "e", {"name": "first"}, {"name": "other", "patch": {"seed": 1}})
            wait_until(lambda: _phase_of(controllers, namespace, "first") == "Succeeded")
            controllers.kubectl(
                "patch", "tse", "e", "-n", namespace, "--type=merge", "-p", '{"spec":{"suspend":true}}'
            )
        controllers.kubectl("delete", "thinksaferun", "e-first", "-n", namespace)
        with RunningOperator(kubeconfig, tmp_path) as operator:
            operator.wait_until_ready()
            wait_until(lambda: _status(controllers, namespace).get("phase") == "Suspended")
            controllers.kubectl(
                "patch", "tse", "e", "-n", namespace, "--type=merge", "-p", '{"spec":{"suspend":false}}'
            )
            controllers.kubectl("wait", "--for=condition=Ready", "tse/e", "-n", namespace, "--timeout=240s")
            names = [r["metadata"]["name"] for r in read(controllers, namespace, "thinksaferuns")["items"]]
            assert names == ["e-other"], "a run is not made again whose outcome is recorded"
            assert _phase_of(controllers, namespace, "first") == "Succeeded"


def _status(access, namespace: str) -> dict:
    return read(access, namespace, "thinksafeexperiment", "e").get("status", {})


def _phase_of(access, namespace: str, variant: str) -> str:
    return next((v["phase"] for v in _status(access, namespace).get("variants", ()) if v["name"] == variant), "")


def test_without_the_second_definition_runs_go_on(controllers, kubeconfig, namespace, tmp_path):
    name, path = f"{EXPERIMENT.plural}.thinksafe.dev", f"/apis/thinksafe.dev/v1alpha1/{EXPERIMENT.plural}"
    controllers.kubectl("delete", "crd", name)
    try:
        with RunningOperator(kubeconfig, tmp_path) as operator, playing(controllers, namespace):
            operator.wait_until_ready()
            assert "ThinkSafeExperiments are not known here" in operator.log.read_text()
            controllers.kubectl("apply", "-n", namespace, "-f", "-", input=json.dumps(tiny_run("r")))
            controllers.kubectl("wait", "--for=condition=Ready", "tsr/r", "-n", namespace, "--timeout=180s")
            assert operator.ask("/healthz")[0] == 200
    finally:
        install(controllers, tmp_path)
        wait_until_served(controllers, path)
