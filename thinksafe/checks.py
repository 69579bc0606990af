"""What can be found wrong with a spec before any model is loaded: `thinksafe validate`, and the start of a run."""

import json
from pathlib import Path

from thinksafe import benchmarks, models
from thinksafe import plan as plans
from thinksafe.benchmarks.loading import place
from thinksafe.errors import SettingsError
from thinksafe.prompts import formats
from thinksafe.spec import RunSpec
from thinksafe.stages.prepare import check_labels


def check(spec: RunSpec) -> None:
    """Raise the first problem as SettingsError, DataError or AccessError; reads local files, never the network."""
    static(spec)
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
    """What the fields alone tell."""
    for source in spec.prompts:
        formats.check(source)
    seen = set[str]()
    for name in spec.evaluation.benchmarks:
        place(benchmarks.get(name), spec.evaluation.sources.get(name))
        if name in seen:
            raise SettingsError(f"spec.evaluation.benchmarks: {name} stands there twice")
        seen.add(name)
    for name in spec.evaluation.sources:
        if name not in seen:
            raise SettingsError(f"spec.evaluation.sources: {name} is not one of spec.evaluation.benchmarks")
    for i, rule in enumerate(spec.gate.rules):
        if rule.benchmark is not None and rule.benchmark not in seen:
            raise SettingsError(
                f"spec.gate.rules[{i}].benchmark: {rule.benchmark} is not one of spec.evaluation.benchmarks",
                hint="The rule could never be met",
            )


def _chat_template(folder: Path, role: str) -> None:
    """A student must say how a prompt is put to it; a guard's frame is ours."""
    if role in ("guard", "judge") or (folder / "chat_template.jinja").exists():
        return
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text())
    except (OSError, ValueError):
        raise SettingsError(f"spec.model: {folder} has no readable tokenizer_config.json") from None
    if not config.get("chat_template"):
        raise SettingsError(
            f"spec.model: the tokenizer in {folder} has no chat template", reason="NoChatTemplate"
        )
