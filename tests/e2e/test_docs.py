"""The commands of the pages that ask a cluster, as they stand there, against runs that are at their end.

What they would change is asked for as a dry run (tests/docs/stand_ins). One run is the demo's, which another file has
watched; the others are the same under the names of the pages, and come from the store.
"""

import copy
from pathlib import Path

import pytest
import yaml
from docs.blocks import Block, blocks
from e2e.main_job import EXAMPLE, Watched
from e2e.namespace import DEFAULT_STORAGE, Namespace
from integration.runs import manifest

from docs import shell

NAMESPACE, NAMES = "alignment", ("qwen3-8b",)  # of the pages
EMPTY = "e2e-docs"  # where a run of any name can be applied
ON_A_CLUSTER = [block for block in blocks(*shell.LANGUAGES) if shell.needs_cluster(block)]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def finished(watched: Watched) -> Namespace:
    """The namespace with the runs that the pages speak of, all at their end."""
    namespace, _ = watched
    Namespace(namespace.cluster, EMPTY, DEFAULT_STORAGE).create({"secrets": "hub", "storage": "s3://bucket/data"})
    for kind, *name in (("namespace", "argocd"), ("configmap", "argocd-cm", "-n", "argocd")):  # Argo CD's settings
        namespace.cluster.kubectl("create", kind, *name, check=False)
    example = yaml.safe_load(EXAMPLE.read_text())
    for name in NAMES:
        again = copy.deepcopy(example)
        again["metadata"]["name"] = name
        namespace.apply(again)
    # The pages' experiment is only looked at, so it waits; tests/e2e/test_experiment.py sees one to its end.
    experiment = yaml.safe_load((EXAMPLE.parents[1] / "experiments" / "steering.yaml").read_text())
    namespace.apply({**experiment, "spec": {**experiment["spec"], "suspend": True}})
    for name in NAMES:
        namespace.wait_for_phase(name, "Succeeded", "GateFailed", "Failed", seconds=300)
    return namespace


@pytest.fixture(scope="module")
def path(finished: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shell.programs(tmp_path_factory.mktemp("path") / "bin", ON_A_CLUSTER)


@pytest.fixture(scope="module")
def place(finished: Namespace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shell.place(tmp_path_factory.mktemp("reader") / "repository")
    manifest(folder, "run")
    return folder


@pytest.fixture(scope="module")
def variables(finished: Namespace) -> dict[str, str]:
    return {"EMPTY_NAMESPACE": EMPTY, **finished.cluster.environment()}


@pytest.mark.parametrize("block", ON_A_CLUSTER, ids=lambda b: b.id)
def test_it_works(finished: Namespace, block: Block, path: Path, place: Path, variables: dict[str, str]):
    shell.run(block.filled.replace(NAMESPACE, finished.name), at=place, path=path, env=variables)


def test_what_the_readme_says_of_a_finished_run(
    finished: Namespace, path: Path, place: Path, variables: dict[str, str]
):
    """The columns of the README's example, and that `describe` says why."""
    ask = f"kubectl -n {finished.name}"
    table = shell.run(f"{ask} get tsr tiny", at=place, path=path, env=variables)
    assert table.split()[:6] == ["NAME", "PHASE", "STAGE", "PROGRESS", "GATE", "AGE"]
    told = shell.run(f"{ask} describe tsr tiny", at=place, path=path, env=variables)
    assert "The gate is passed; the adapter is at" in told
