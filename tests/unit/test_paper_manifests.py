"""examples/paper: every manifest is the paper's, is accepted, and plans to the stages that one expects of it."""

import re
from pathlib import Path

import pytest

from thinksafe import checks, manifest, plan, sizing
from thinksafe.analysis.paper.figures import figures
from thinksafe.analysis.paper.protocol import differs, method_of
from thinksafe.spec import Manifest, RunSpec
from thinksafe.spec.experiment import ExperimentManifest
from thinksafe.variants import run_manifest

PAPER = Path(__file__).parents[2] / "examples" / "paper"
PAGE = (PAPER.parents[1] / "docs" / "paper.md").read_text()
RUNS = sorted(PAPER.glob("*.yaml"))
EXPERIMENTS = sorted((PAPER / "experiments").glob("*.yaml"))
H100 = sizing.CARDS[0]
STAGES = ("prepare", "generate", "filter", "train", "evaluate", "report")
IN_SCOPE = {
    "qwen3-0.6b": "Qwen3-0.6B", "qwen3-1.7b": "Qwen3-1.7B", "qwen3-4b": "Qwen3-4B", "qwen3-8b": "Qwen3-8B",
    "r1-distill-qwen-1.5b": "R1-Distill-Qwen-1.5B", "r1-distill-qwen-7b": "R1-Distill-Qwen-7B",
    "r1-distill-llama-8b": "R1-Distill-Llama-8B",
}  # fmt: skip
# Which method of the paper each variant is; None: the paper has only a difference of it.
VARIANTS = {
    "steering": {"thinksafe": "ThinkSafe", "rejection": "Rejection sampling"},
    "templates": {"prefix": "ThinkSafe", "intent": "ThinkSafe by intent", "risk": "ThinkSafe by risk",
                  "suffix": "ThinkSafe by suffix"},
    "thoughts": {"thinksafe": "ThinkSafe", "no-thoughts": "Refusals without thoughts"},
    "cross-model": {"own": "ThinkSafe", "from-r1-1-5b": None, "from-qwen3-8b": None},
    "guards": {"llama-guard": "ThinkSafe", "wildguard": "ThinkSafe with WildGuard"},
    "kl": {"thinksafe": "ThinkSafe", "kl": "ThinkSafe with KL"},
    "external": {"thinksafe": "ThinkSafe", "directrefusal": "DirectRefusal", "safechain": "SafeChain",
                 "star1": "STAR-1"},
}  # fmt: skip
# What an experiment's variants do not share with its first: everything else is computed once.
OWN = {
    "steering": {"responses-1"}, "templates": {"responses-1"}, "thoughts": {"dataset"}, "cross-model": {"responses-1"},
    "guards": {"scores-1"}, "kl": {"adapter"}, "external": {"prompts"},
}  # fmt: skip


def experiment_of(path: Path) -> ExperimentManifest:
    found = manifest.read_either(path)
    assert isinstance(found, ExperimentManifest)
    return found


def variants() -> list:
    return [
        pytest.param(path.stem, v.name, run_manifest(experiment, v).spec, id=f"{path.stem}-{v.name}")
        for path in EXPERIMENTS
        for experiment in [experiment_of(path)]
        for v in experiment.spec.variants
    ]


def planned(spec: RunSpec) -> plan.Plan:
    """The plan with fingerprints made up of the names: nothing is looked up."""
    prints = {role: f"{m.name}@{m.revision}" for role, m in plan.models_named(spec).items()}
    prints |= {f"prompts/{i}": s.source for i, s in enumerate(spec.prompts)}
    return plan.make(spec, prints | {f"benchmark/{b}": b for b in spec.evaluation.benchmarks})


def test_there_is_a_run_for_each_of_the_papers_models_in_scope():
    found = {path.stem: figures().model_of(manifest.read(path).spec.model.name) for path in RUNS}
    assert found == IN_SCOPE
    assert {path.stem: {v.name for v in experiment_of(path).spec.variants} for path in EXPERIMENTS} == {
        name: set(methods) for name, methods in VARIANTS.items()
    }


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_a_run_is_accepted_and_is_the_papers_in_every_setting(path: Path):
    spec = manifest.read(path).spec
    checks.static(spec)
    assert method_of(spec) == "ThinkSafe"
    for method in ("Initial", "ThinkSafe"):
        assert differs(spec, IN_SCOPE[path.stem], method) == []


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_a_run_has_the_papers_benchmarks_and_stages(path: Path):
    spec = manifest.read(path).spec
    assert spec.evaluation.benchmarks == [c.benchmark for c in figures().columns]
    assert planned(spec).stages == plan.stage_names(spec) == STAGES


@pytest.mark.parametrize(("name", "variant", "spec"), variants())
def test_a_variant_is_accepted_and_is_the_papers_method(name: str, variant: str, spec: RunSpec):
    checks.static(spec)
    method = VARIANTS[name][variant]
    assert method_of(spec) == method
    assert planned(spec).stages == STAGES
    model = figures().model_of(spec.model.name)
    assert model and differs(spec, model, "Initial") == []
    if method:
        assert figures().result(model, method), "the paper has a figure of it"
        settings = [d["setting"] for d in differs(spec, model, method)]
        assert settings == (["the loss of benign rows"] if variant == "kl" else [])


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_is_about_one_of_the_runs_and_shares_all_that_can_be_shared(path: Path):
    experiment = experiment_of(path)
    alone = [m for file in RUNS if (m := manifest.read(file)).spec == experiment.spec.run]
    assert len(alone) == 1, "its run is none of examples/paper"
    plans = [planned(run_manifest(experiment, v).spec) for v in experiment.spec.variants]
    first = {n.name: n.digest for n in plans[0].nodes}
    assert first == {n.name: n.digest for n in planned(alone[0].spec).nodes}
    for other in plans[1:]:
        changed = {n.name for n in other.nodes if n.digest != first[n.name]}
        assert {n.name for n in other.nodes if not changed & set(n.inputs) and n.name in changed} == OWN[path.stem]
        assert not changed & {"problems", "answers-base", "verdicts-base"}


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_the_hours_that_are_named_and_the_memory_that_is_saved_are_those_of_sizing(path: Path):
    shape = next(s for s in sizing.SHAPES if s.name == IN_SCOPE[path.stem])
    needed = sizing.hours(shape, H100)
    assert needed and f"About {needed.total:.0f} hours" in path.read_text().splitlines()[0]
    assert f"| `{path.name}` | {needed.total:.0f} |" in PAGE
    spec = manifest.read(path).spec
    assert spec.training.gradient_checkpointing == sizing.must_checkpoint(shape, H100)


def test_every_model_is_pinned_to_a_commit():
    runs = [manifest.read(path) for path in RUNS]
    runs += [run_manifest(e, v) for path in EXPERIMENTS for e in [experiment_of(path)] for v in e.spec.variants]
    for run in runs:
        for model in plan.models_named(run.spec).values():
            assert re.fullmatch(r"[0-9a-f]{40}", model.revision or ""), model.name


def test_the_runs_differ_in_the_model_its_top_k_and_its_memory_alone():
    def rest(run: Manifest) -> dict:
        document = run.spec.model_dump(mode="json")
        document.pop("model")
        document["training"].pop("gradient_checkpointing")
        for part in ("generation", "evaluation"):
            document[part].pop("top_k")
        return document

    first, *others = [rest(manifest.read(path)) for path in RUNS]
    assert all(other == first for other in others)


def test_the_page_names_every_experiment_and_every_erratum():
    assert all(f"| `{path.name}` | {figures().model_of(experiment_of(path).spec.run.model.name)} |" in PAGE
               for path in EXPERIMENTS)  # fmt: skip
    listed = PAGE.partition("| place | printed | but |")[2].strip().splitlines()[1:]
    errata = [(r, name) for r in figures().results for name in r.errata]
    assert len(listed) == len(errata)
    for result, name in errata:
        printed = result.value(name, figures().columns)
        place, model = f"| {result.place}, {result.model}", f"| {printed:.2f} |"
        assert any(line.startswith(place) and model in line for line in listed), (result.model, name)
