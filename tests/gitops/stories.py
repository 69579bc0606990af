"""Runs in every state that GitOps tools must tell apart, made by the operator's own decisions."""

from dataclasses import replace

from unit.operator.experiments import world as of_experiments
from unit.operator.small_cluster import FAILED
from unit.operator.stories import World

from thinksafe.spec import API_VERSION, KIND
from thinksafe.spec.experiment import EXPERIMENT_KIND
from thinksafe_operator.draft import rfc3339
from thinksafe_operator.state import Pod, Progress


def recorded() -> dict[str, dict]:
    """Name of the story -> the run as the API server would have it."""
    stories = {
        "never-looked-at": _untouched(),
        "pending": _just_taken_up(),
        "queued": World(queueName="gpu-queue").settle(),
        "running": _running(),
        "retrying": _running().fails(75, reason="StoreUnavailable"),
        "stalled-before-it-runs": _without_image(),
        "being-suspended": _being_suspended(),
        "suspended": World(suspend=True).settle(1000),
        "generation-not-observed": _changed(),
        "resumed-not-observed": _resumed(),
        "being-deleted": _running(),
        "succeeded": World().end(),
        "gate-failed": _gate_failed(),
        "failed": World().to("train").fails(78, reason="OutOfMemory"),
        "invalid": World(steering={"template": "no such"}).settle(),
    }
    objects = {name: _object(name, world) for name, world in stories.items()}
    objects["being-deleted"]["metadata"] |= {
        "deletionTimestamp": rfc3339(1_800_000_060), "deletionGracePeriodSeconds": 0,
        "finalizers": ["foregroundDeletion"],
    }  # fmt: skip
    return objects


def _untouched() -> World:
    """As the API server has it before any operator looked: with the default of the definition."""
    world = World()
    assert world.cluster.run is not None
    world.cluster.run = replace(world.cluster.run, status={"observedGeneration": 0})
    return world


def _just_taken_up() -> World:
    world = World()
    world.operator.reconcile()
    return world


def _running() -> World:
    world = World().to("generate")
    now = world.cluster.now
    world.operator.progress = Progress("responses-1", 37, 100, 2, 9000, 60.0, 60.0, now)
    return world.settle()


def _without_image() -> World:
    world = World().to("generate", running=False)
    pod = Pod(
        f"{world.job.uid}/pod", "generate", 1, 0, "Pending", world.cluster.now,
        waiting="ImagePullBackOff", waiting_message="registry.example/worker:1: not found",
    )  # fmt: skip
    world.cluster.pods[pod.name] = pod
    return world.settle(60)


def _changed() -> World:
    """Somebody suspends it, and the operator has not seen that yet."""
    world = _running()
    world.cluster.change_spec(suspend=True)
    return world


def _resumed() -> World:
    """And resumes another one."""
    world = World(suspend=True).settle(1000)
    world.cluster.change_spec(suspend=False)
    return world


def _being_suspended() -> World:
    return _changed().settle()


def _gate_failed() -> World:
    world = World()
    world.cluster.gate = FAILED
    return world.end()


def _object(name: str, world: World) -> dict:
    run = world.cluster.run
    assert run is not None
    metadata = {
        "name": name,
        "namespace": "alignment",
        "uid": run.uid,
        "resourceVersion": run.resource_version,
        "generation": run.generation,
        "creationTimestamp": rfc3339(run.created),
    }
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": run.spec, "status": run.status}


def experiments() -> dict[str, dict]:
    """Experiments in every state that is told apart, by the name of their story."""
    fresh, going, human = (of_experiments.World(of_experiments.spec("a", "b")) for _ in range(3))
    suspended = of_experiments.World(of_experiments.spec("a", suspend=True))
    human.denied = {"a": (403, "cannot create resource")}
    stories = {
        "never-looked-at": fresh, "running": going.settle(), "suspended": suspended.settle(),
        "waits-for-a-human": human.settle(), "succeeded": _compared("GateFailed"), "failed": _compared("Failed"),
    }  # fmt: skip
    made = {name: _experiment(name, world) for name, world in stories.items()}
    made["never-looked-at"]["status"] = {"observedGeneration": 0}
    return made


def _compared(phase: str) -> of_experiments.World:
    """Two variants, one of which ends so."""
    world = of_experiments.World(of_experiments.spec("a", "b", parallelism=2)).settle()
    world.end_run("e-a")
    world.end_run("e-b", phase)
    world.settle().end_job()
    return world.settle()


def _experiment(name: str, world: of_experiments.World) -> dict:
    found = world.experiment
    assert found is not None
    metadata = {"name": name, "namespace": "alignment", "uid": "u", "generation": found.generation}
    return {
        "apiVersion": API_VERSION, "kind": EXPERIMENT_KIND, "metadata": metadata, "spec": found.spec,
        "status": found.status,
    }  # fmt: skip
