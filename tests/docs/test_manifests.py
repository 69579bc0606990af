"""`thinksafe validate` and the API server take every manifest of the pages, and every piece of one in its place."""

import json
from pathlib import Path

import pytest
import yaml
from cluster.binaries import NotBuilt, binary
from cluster.crds import install_crds
from cluster.helm import CHART, template

from docs.blocks import ROOT, Block, blocks
from thinksafe import benchmarks, checks, manifest
from thinksafe.spec import API_VERSION, KIND, Manifest, RunSpec
from thinksafe.spec.experiment import EXPERIMENT_KIND, ExperimentManifest
from thinksafe.variants import run_manifest

RUN = {
    "apiVersion": API_VERSION,
    "kind": KIND,
    "metadata": {"name": "docs"},
    "spec": {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]},
}
FIELDS = {str(field.alias) for field in RunSpec.model_fields.values()}
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
# Objects that only others' definitions describe, and who looks at them.
OTHERS = {
    "kueue.x-k8s.io": "no test has Kueue itself (docs/kueue.md)",
    "argoproj.io": "tests/gitops applies the runs by the engine of Argo CD; no test has its server",
    "source.toolkit.fluxcd.io": "tests/gitops looks at what it says; no test has Flux itself",
    "kustomize.toolkit.fluxcd.io": "tests/gitops looks at what it says; no test has Flux itself",
}


def documents() -> list:
    """Each YAML document of the pages, with its block."""
    return [
        pytest.param(block, document, id=f"{block.id}-{number}")
        for block in blocks("yaml")
        for number, document in enumerate(yaml.safe_load_all(block.filled))
    ]


def is_whole(document: dict) -> bool:
    return {"apiVersion", "kind"} <= set(document)


def run_of(document: dict) -> dict | None:
    """The run that it is, or that it is a piece of the spec of."""
    if is_whole(document):
        return document if document["kind"] == KIND else None
    if is_of_values(document) or not set(document) <= FIELDS:
        return None
    return {**RUN, "spec": {**RUN["spec"], **document}}


def is_of_values(document: dict, values: dict = VALUES) -> bool:
    """Whether it is a piece of the chart's values: every key is one of theirs, on every level that they spell out."""
    return set(document) <= set(values) and all(
        is_of_values(below, values[key])
        for key, below in document.items()
        if isinstance(below, dict) and isinstance(values[key], dict) and values[key]
    )


@pytest.mark.parametrize(("block", "document"), documents())
def test_it_is_of_a_kind_that_is_looked_at(block: Block, document: dict):
    if is_whole(document):
        assert document["kind"] in (KIND, EXPERIMENT_KIND) or not document["apiVersion"].endswith(".dev/v1alpha1")
    else:
        assert run_of(document) or is_of_values(document), f"{block.id}: a piece of no run and of no values"


@pytest.mark.parametrize(("block", "document"), [d for d in documents() if run_of(d.values[1])])
def test_thinksafe_validate_takes_it(block: Block, document: dict, tmp_path: Path):
    file = tmp_path / "run.yaml"
    file.write_text(json.dumps(run_of(document)))
    checks.static(manifest.read(file).spec)


@pytest.mark.parametrize(("block", "document"), [d for d in documents() if d.values[1].get("kind") == EXPERIMENT_KIND])
def test_thinksafe_validate_takes_every_variant(block: Block, document: dict):
    for spec in specs_of(manifest.parse_experiment(document, block.id)):
        checks.static(spec)


@pytest.mark.parametrize(("block", "document"), [d for d in documents() if d.values[1].get("kind") == KIND])
def test_a_run_that_measures_can_meet_its_gate(block: Block, document: dict):
    """A rule about what no benchmark measures fails when all is done."""
    spec = RunSpec.model_validate(document["spec"])
    measured = {benchmarks.get(name).kind for name in spec.evaluation.benchmarks}
    assert not measured or {rule.kind for rule in spec.gate.rules} <= measured


@pytest.fixture(scope="module")
def api(control_plane):
    """The API server with ThinkSafeRuns and every namespace that the pages name."""
    install_crds(control_plane)
    named = {d.values[1].get("metadata", {}).get("namespace", "default") for d in documents() if is_whole(d.values[1])}
    for namespace in named - {"default", "kube-system"}:
        control_plane.kubectl("create", "namespace", namespace, check=False)
    return control_plane


def is_ours_to_ask(document: dict) -> bool:
    """Whether an API server with our definition alone knows it."""
    group = document.get("apiVersion", "").rpartition("/")[0]
    return bool(run_of(document)) or (is_whole(document) and group not in OTHERS)


@pytest.mark.parametrize(("block", "document"), [d for d in documents() if is_ours_to_ask(d.values[1])])
def test_the_api_server_takes_it(api, block: Block, document: dict):
    asked = run_of(document) or document
    api.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", input=json.dumps(asked))


@pytest.fixture(scope="module")
def helm() -> None:
    """The program, which may have to be built first."""
    try:
        binary("helm")
    except NotBuilt as why:
        pytest.skip(f"no helm: {why}")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("block", "document"), [d for d in documents() if is_of_values(d.values[1])])
def test_the_chart_takes_these_values(helm: None, block: Block, document: dict):
    assert template(**document)


def specs_of(experiment: ExperimentManifest) -> list[RunSpec]:
    return [run_manifest(experiment, variant).spec for variant in experiment.spec.variants]


def test_the_examples_are_taken(api):
    for file in sorted((ROOT / "examples").rglob("*.yaml")):
        found = manifest.read_either(file)
        for spec in [found.spec] if isinstance(found, Manifest) else specs_of(found):
            checks.static(spec)
        api.kubectl("apply", "--server-side", "--dry-run=server", "-f", str(file))
