"""An experiment on one machine: the runs of its variants, one after another, and then the combined report.

One at a time, whatever spec.parallelism says: stages on one machine would only wait for each other. What variants
have in common is found in the store by the second that needs it, so an experiment that was stopped goes on, too.
"""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from thinksafe import local, manifest
from thinksafe.checks import static
from thinksafe.errors import Interrupted, ThinkSafeError
from thinksafe.local import Machine
from thinksafe.spec import Manifest
from thinksafe.spec.experiment import ExperimentManifest, Variant
from thinksafe.stages import comparison
from thinksafe.stages.comparison import Stands
from thinksafe.stages.run import local_uid
from thinksafe.variants import run_document, run_manifest, run_name


@dataclass
class Course:
    """How an experiment went: its document, where its page is, what failed, and which stages each variant did."""

    document: dict = field(default_factory=dict)
    page: str = ""
    seconds: float = 0.0
    failures: list[ThinkSafeError] = field(default_factory=list)
    ran: dict[str, tuple[str, ...]] = field(default_factory=dict)


def execute(experiment: ExperimentManifest, machine: Machine) -> Course:
    """Run every variant that is to be run, and compare them.

    A variant that fails is in `failures` and in the report; only Interrupted is raised from a run.
    """
    started = time.monotonic()
    for variant in experiment.spec.variants:
        static(run_manifest(experiment, variant).spec)  # a mistake in the last one is told before the first begins
    at_work, console = _AtWork(experiment, machine), machine.console
    for i, variant in enumerate(experiment.spec.variants, start=1):
        console.print(f"\n[bold]{variant.name}[/] [dim]({i} of {len(experiment.spec.variants)})[/]")
        at_work.take(variant)
    course, uid = at_work.course, comparison.local_uid(experiment)
    course.document = comparison.compare(experiment, uid, at_work.runs, machine.store)
    course.page = f"{machine.storage.uri.rstrip('/')}/{comparison.prefix(experiment, uid)}/index.html"
    course.seconds = time.monotonic() - started
    return course


class _AtWork:
    """The variants so far."""

    def __init__(self, experiment: ExperimentManifest, machine: Machine) -> None:
        self._experiment, self._machine, self._console = experiment, machine, machine.console
        self.course = Course()
        self.runs: dict[str, Stands] = {}
        self._adapters: dict[str, str] = {}

    def take(self, variant: Variant) -> None:
        """Run it, or note why it is not run."""
        why_not = self._why_not(variant)
        if why_not:
            self._console.print(f"[yellow]–[/] {why_not.phase.lower()}: {why_not.why}", highlight=False)
            self.runs[variant.name] = why_not
            return
        writer = self._adapters[variant.generator_from] if variant.generator_from else None
        made = run_manifest(self._experiment, variant, writer)
        uid = local_uid(made.spec)
        try:
            finished = self._run(made, run_document(self._experiment, variant, writer))
        except Interrupted:
            raise
        except ThinkSafeError as error:
            self.course.failures.append(error)
            self.runs[variant.name] = self._stands(variant, "Failed", error.line(), uid)
            self._console.print(f"[red]✕[/] {error.line()}", markup=True, highlight=False, soft_wrap=True)
            return
        passed = finished.summary()["gate"]["passed"]
        self.runs[variant.name] = self._stands(variant, "Succeeded" if passed else "GateFailed", "", uid)
        self.course.ran[variant.name] = finished.ran
        self._adapters[variant.name] = finished.run.plan.node("adapter").digest

    def _run(self, made: Manifest, document: dict) -> local.Finished:
        with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
            file = Path(folder) / f"{made.metadata.name}.yaml"
            file.write_text(yaml.safe_dump(document))
            return local.execute(manifest.read(file), file, self._machine)

    def _why_not(self, variant: Variant) -> Stands | None:
        if self.course.failures and self._experiment.spec.failure_policy == "FailFast":
            return self._stands(variant, "Pending", "A variant failed before it, and failurePolicy is FailFast.")
        source = variant.generator_from
        if source is None:
            return None
        if source not in self._adapters:
            return self._stands(variant, "Skipped", f"{source}, whose adapter writes its data, has none.")
        said = comparison.further_round(self._experiment, variant, self.runs, self._machine.store)
        return None if said["go"] else self._stands(variant, "Skipped", said["why"])

    def _stands(self, variant: Variant, phase: str, why: str, uid: str = "") -> Stands:
        meta = self._experiment.metadata
        return Stands(run_name(meta.name, variant.name), meta.namespace, uid, phase, why)
