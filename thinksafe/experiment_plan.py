"""What the variants of an experiment are made from, before anything is computed."""

from rich.table import Table

from thinksafe import plan as plans
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import Store
from thinksafe.models import with_adapter
from thinksafe.spec.experiment import ExperimentManifest
from thinksafe.stages.prepare import fingerprints
from thinksafe.variants import run_manifest


def plan_all(experiment: ExperimentManifest, store: Store) -> dict[str, plans.Plan]:
    """The plan of every variant's run by its name. A round's writer is known by its digest before it exists."""
    found: dict[str, plans.Plan] = {}
    for variant in experiment.spec.variants:
        made = run_manifest(experiment, variant)
        prints = fingerprints(made.spec, store)
        if variant.generator_from:
            writer = found[variant.generator_from].node("adapter").digest
            prints["generator"] = with_adapter(prints["generator"], writer)
        found[variant.name] = plans.make(made.spec, prints, name=made.metadata.name)
    return found


def table(experiment: ExperimentManifest, store: Store) -> Table:
    """A line a variant: its stages, those that no earlier variant has, and those the store does not hold yet."""
    made = Table(box=None, pad_edge=False)
    for head in ("variant", "stages", "its own", "not in the store", "which are its own"):
        made.add_column(head, justify="right" if head in ("stages", "its own", "not in the store") else "left")
    seen, sums = set[str](), [0, 0, 0]
    for name, plan in plan_all(experiment, store).items():
        own = [s for s in plan.stages if any(n.digest not in seen for n in plan.of_stage(s))]
        todo = [s for s in own if not all(_held(store, n) for n in plan.of_stage(s))]
        seen |= {n.digest for n in plan.nodes}
        counts = [len(plan.stages), len(own), len(todo)]
        sums = [a + b for a, b in zip(sums, counts, strict=True)]
        made.add_row(name, *map(str, counts), ", ".join(own))
    made.add_row("all", *map(str, sums), style="bold")
    return made


def _held(store: Store, node: plans.Node) -> bool:
    return Artifact(store, node.kind, node.digest).is_complete()
