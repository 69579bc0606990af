"""What can be found wrong with a spec before any model is loaded: `thinksafe validate`, and the start of a run."""

import json
from pathlib import Path

from thinksafe import benchmarks, models
from thinksafe import plan as plans
from thinksafe.benchmarks.loading import place
from thinksafe.errors import SettingsError, ThinkSafeError
from thinksafe.prompts import formats
from thinksafe.spec import RunSpec
from thinksafe.spec.experiment import ExperimentManifest
from thinksafe.stages.prepare import check_labels
from thinksafe.variants import run_manifest


def check_experiment(experiment: ExperimentManifest) -> None:
    """As `check`, of the run of every variant; the error names the variant."""
    for variant in experiment.spec.variants:
        spec = run_manifest(experiment, variant).spec
        try:
            check(spec)
        except ThinkSafeError as error:
            where = f"{experiment.metadata.name}: variant {variant.name}"
            raise type(error)(f"{where}: {error}", reason=error.reason, hint=error.hint) from None


def check(spec: RunSpec) -> None:
    """Raise the first problem as SettingsError, DataError or AccessError; reads local files, never the network."""
    static(spec)
    _gate(spec)
    for role, model in plans.models_named(spec).items():
        if model.name.startswith(("file://", "tiny://", "/", ".")):
            _chat_template(models.local_path(model.name), role)
    local = [s for s in spec.prompts if s.source.startswith(("file://", "tiny://", "/", "."))]
    found = [p for s in local for p in formats.load(s, seed=spec.seed, storage=spec.storage)]
    if len(local) == len(spec.prompts):
        check_labels(found, spec)
    for name, source in spec.evaluation.sources.items():
        if source.startswith(("file://", "/", ".")):
            benchmarks.load_problems(benchmarks.get(name), source=source, limit=None, seed=spec.seed, storage=None)


def static(spec: RunSpec) -> None:
    """What the fields alone tell, beyond what the models of the spec refuse."""
    for i, name in enumerate(spec.evaluation.benchmarks):
        try:
            place(benchmarks.get(name), spec.evaluation.sources.get(name))
        except SettingsError as error:
            raise SettingsError(
                f"spec.evaluation.benchmarks[{i}]: {error}", reason=error.reason, hint=error.hint
            ) from None


def _gate(spec: RunSpec) -> None:
    """A rule that somebody wrote is about something measured; the default ones are for whoever evaluates later."""
    if "rules" not in spec.gate.model_fields_set:
        return
    kinds = {name: benchmarks.get(name).kind for name in spec.evaluation.benchmarks}
    for i, rule in enumerate(spec.gate.rules):
        read = [kinds[rule.benchmark]] if rule.benchmark else kinds.values()
        if rule.kind not in read:
            about = f"{rule.benchmark} is of kind {kinds[rule.benchmark]}" if rule.benchmark else "none is measured"
            raise SettingsError(
                f"spec.gate.rules[{i}]: it reads benchmarks of kind {rule.kind}, and {about}: it could never be met",
                reason="InvalidSpec",
                hint="Add such a benchmark to spec.evaluation.benchmarks, or take the rule out",
            )


def _chat_template(folder: Path, role: str) -> None:
    """A student must say how a prompt is put to it; a guard's frame is ours."""
    if role.startswith(("guard", "judge")) or (folder / "chat_template.jinja").exists():
        return
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text())
    except (OSError, ValueError):
        raise SettingsError(f"spec.model: {folder} has no readable tokenizer_config.json") from None
    if not config.get("chat_template"):
        raise SettingsError(f"spec.model: the tokenizer in {folder} has no chat template", reason="NoChatTemplate")
