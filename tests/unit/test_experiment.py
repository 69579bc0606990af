"""An experiment on one machine: the order, what a failure and a skipped round do, and mistakes that name a variant."""

from typing import Any

import pytest
from rich.console import Console

from thinksafe import checks, experiment, experiment_plan, local, manifest, variants
from thinksafe.artifacts.store import open_store
from thinksafe.errors import DeviceError, Interrupted, SettingsError
from thinksafe.manifest import parse_experiment
from thinksafe.spec import Storage
from thinksafe.stages import comparison

RUN = {
    "model": {"name": "tiny://student"},
    "prompts": [{"source": "tiny://prompts?harmful=4&benign=4", "format": "tiny"}],
    "guard": {"name": "tiny://guard", "family": "tiny"},
    "evaluation": {"benchmarks": ["tiny-harmful", "tiny-problems"]},
}


def made(*names, **spec):
    given = [n if isinstance(n, dict) else {"name": n} for n in names]
    document = {
        "apiVersion": "thinksafe.dev/v1alpha1",
        "kind": "ThinkSafeExperiment",
        "metadata": {"name": "e"},
        "spec": {"run": RUN, "variants": given, **spec},
    }
    return parse_experiment(document, "e.yaml")


class Node:
    digest = "ad" * 32


class FakeRun:
    """A finished run whose gate passed."""

    run = plan = property(lambda self: self)
    ran = ("train",)

    def node(self, name):
        assert name == "adapter"
        return Node

    def summary(self):
        return {"gate": {"passed": True}}


@pytest.fixture
def world(monkeypatch):
    """Runs that take no time: `begun` are their specs, `fails` says which raise what, `go` is the stop rule's word."""

    class World:
        begun, fails, go, compared = {}, {}, {}, {}

    def execute(document, file, machine):
        assert manifest.read(file).spec == document.spec
        World.begun[document.metadata.name] = document.spec
        if error := World.fails.get(document.metadata.name):
            raise error
        return FakeRun()

    def compare(document, uid, runs, store):
        World.compared = runs
        return {"rows": []}

    for name in ("begun", "fails", "go", "compared"):
        setattr(World, name, {})
    monkeypatch.setattr(local, "execute", execute)
    monkeypatch.setattr(comparison, "compare", compare)
    monkeypatch.setattr(
        comparison, "further_round",
        lambda document, variant, runs, store: World.go.get(variant.name, {"go": True, "why": ""}),
    )  # fmt: skip
    return World


def go(document):
    nowhere: Any = None  # nothing asks the store, nor for a worker
    machine = local.Machine(nowhere, Storage(uri="file:///s"), nowhere, Console(quiet=True))
    return experiment.execute(document, machine)


def phases(world):
    return {name: run.phase for name, run in world.compared.items()}


def test_all_variants_run_in_order_and_are_compared(world):
    course = go(made("a", {"name": "b", "patch": {"seed": 7}}))
    assert list(world.begun) == ["e-a", "e-b"] and world.begun["e-b"].seed == 7
    assert phases(world) == {"a": "Succeeded", "b": "Succeeded"}
    assert course.page.startswith("file:///s/experiments/default/e/") and course.ran == dict.fromkeys("ab", ("train",))


def test_a_failure_does_not_stop_the_others_unless_it_is_to(world):
    world.fails = {"e-a": DeviceError("no device")}
    course = go(made("a", "b"))
    assert phases(world) == {"a": "Failed", "b": "Succeeded"} and course.failures[0].code == 69
    assert "no device" in world.compared["a"].why
    go(made("a", "b", failurePolicy="FailFast"))
    assert phases(world) == {"a": "Failed", "b": "Pending"} and "FailFast" in world.compared["b"].why


def test_being_stopped_ends_it_all(world):
    world.fails = {"e-a": Interrupted("asked to stop")}
    with pytest.raises(Interrupted):
        go(made("a", "b"))
    assert list(world.begun) == ["e-a"]


def rounds(*names):
    return [{"name": n, **({"generatorFrom": before} if before else {})} for before, n in zip((None, *names), names)]  # noqa: B905


def test_a_round_is_written_by_the_adapter_before_it(world):
    go(made(*rounds("r1", "r2")))
    assert world.begun["e-r2"].generator.adapter == Node.digest
    assert world.begun["e-r1"].generator is None


def test_a_round_that_is_not_worth_it_is_skipped_and_so_is_what_follows(world):
    world.go = {"r2": {"go": False, "why": "No gain."}}
    course = go(made(*rounds("r1", "r2", "r3")))
    assert phases(world) == {"r1": "Succeeded", "r2": "Skipped", "r3": "Skipped"}
    assert world.compared["r2"].why == "No gain." and "r2" in world.compared["r3"].why and not course.failures


def test_a_mistake_in_the_last_variant_is_told_before_the_first_begins(world):
    with pytest.raises(SettingsError, match=r"variant b: spec\.training\.rnak"):
        go(made("a", {"name": "b", "patch": {"training": {"rnak": 1}}}))
    assert not world.begun


@pytest.mark.parametrize("field", [{"storage": {"uri": "file:///x"}}, {"suspend": True}])
def test_what_is_the_experiments_to_say_is_refused_in_a_variant(field):
    document = made({"name": "b", "patch": field})
    with pytest.raises(SettingsError, match=r"variant b: .* is the experiment's to say"):
        variants.run_manifest(document, document.spec.variants[0])


def test_validation_looks_into_every_variant_as_deep_as_into_a_run():
    bad = {"name": "b", "patch": {"prompts": [{"source": "tiny://prompts?harmless=4", "format": "tiny"}]}}
    with pytest.raises(Exception, match="e: variant b: "):
        checks.check_experiment(made("a", bad))
    checks.check_experiment(made("a", {"name": "b", "generatorFrom": "a"}))


def test_what_says_when_and_where_changes_no_uid_and_what_is_compared_does():
    plain = comparison.local_uid(made("a", "b"))
    assert comparison.local_uid(made("a", "b", parallelism=2, failurePolicy="FailFast")) == plain
    for other in (made("a"), made("a", "b", baseline="b"), made("a", "b", stop={"minGain": 0.1})):
        assert comparison.local_uid(other) != plain


def test_the_plan_knows_what_is_shared_and_a_round_by_its_writer(tmp_path):
    document = made("a", {"name": "b", "patch": {"training": {"epochs": 1}}}, {"name": "c", "generatorFrom": "a"})
    store = open_store(Storage(uri=f"file://{tmp_path}"))
    plans = experiment_plan.plan_all(document, store)
    digests = {name: {n.name: n.digest for n in plan.nodes} for name, plan in plans.items()}
    assert digests["a"]["responses-1"] == digests["b"]["responses-1"] != digests["c"]["responses-1"]
    assert digests["a"]["adapter"] != digests["b"]["adapter"]
    out = Console(width=120, record=True)
    out.print(experiment_plan.table(document, store))
    assert "all          18       14" in out.export_text()


def test_each_kind_is_told_the_command_of_the_other(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("kind: ThinkSafeExperiment")
    with pytest.raises(SettingsError, match="kind") as caught:
        manifest.read(file)
    assert "thinksafe experiment" in caught.value.hint
    file.write_text("kind: ThinkSafeRun")
    with pytest.raises(SettingsError) as caught:
        manifest.read_experiment(file)
    assert "thinksafe run" in caught.value.hint


def test_the_operators_list_of_runs_is_read_and_nonsense_is_refused(tmp_path):
    file = tmp_path / "runs.json"
    file.write_text('{"a": {"name": "e-a", "namespace": "n", "uid": "u", "phase": "Succeeded"}}')
    assert comparison.read_runs(file)["a"] == comparison.Stands("e-a", "n", "u", "Succeeded")
    for text in ("[1]", "{", '{"a": {"nmae": "x"}}', '{"a": 3}'):
        file.write_text(text)
        with pytest.raises(Exception, match="not a map of runs"):
            comparison.read_runs(file)
