"""Helm 3 does with the chart what Helm 4 does, which all other tests use."""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from chart.__main__ import README
from chart.matrix import MATRIX
from chart.rendered import Refused, nested, render, text
from chart.test_values import CONTRADICTIONS, WRONG
from cluster.access import Access
from cluster.binaries import NotBuilt, binary
from cluster.crds import install_crds
from cluster.fixtures import aloud
from cluster.helm import CHART, RELEASE, SYSTEM, helm
from cluster.places import GO_MODULES

OTHER = "helm-3"
REFUSED = [nested(path, value) for path, value in WRONG] + [values for values, _ in CONTRADICTIONS] + [{"noSuch": 1}]


@pytest.fixture(scope="module", autouse=True)
def helm_3(request: pytest.FixtureRequest) -> None:
    with aloud(request):
        try:
            binary(OTHER)
        except NotBuilt as why:
            pytest.skip(f"no Helm 3: {why}")


def rendered(values: dict) -> str:
    return helm("template", RELEASE, CHART, f"--namespace={SYSTEM}", values=values, program=OTHER)


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_it_makes_the_same_objects_in_the_same_order(values):
    assert [made for made in yaml.load_all(rendered(values), yaml.CSafeLoader) if made] == render(values)


@pytest.mark.parametrize("values", REFUSED, ids=json.dumps)
def test_it_refuses_the_same_in_the_same_words(values):
    with pytest.raises(Refused) as by_helm_4:
        text(values)
    with pytest.raises(Refused) as by_helm_3:
        rendered(values)
    assert said(by_helm_3) == said(by_helm_4) != ""


def said(refused: pytest.ExceptionInfo[Exception]) -> str:
    return str(refused.value).partition(": Error: ")[2]


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_its_lint_finds_nothing(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, values=values, program=OTHER)


def test_a_release_goes_from_one_to_the_other_and_back(control_plane: Access):
    install_crds(control_plane)
    name = f"helm-3-{os.urandom(4).hex()}"
    here, own = f"--namespace={name}", ("--set=crds.enabled=false",)

    def replicas() -> list[int]:
        deployments = json.loads(control_plane.kubectl("get", "deployments", "-n", name, "-o", "json"))["items"]
        return [deployment["spec"]["replicas"] for deployment in deployments]

    def by(program: str, *args: str | Path) -> None:
        helm(*args, here, access=control_plane, program=program)

    kept = ("--reset-then-reuse-values",)
    by(OTHER, "install", name, CHART, "--create-namespace", *own)
    assert replicas() == [1]
    by(OTHER, "upgrade", name, CHART, *kept, "--set=replicas=2")
    assert replicas() == [2]
    by("helm", "upgrade", name, CHART, *kept, "--set=replicas=3")
    assert replicas() == [3]
    by(OTHER, "rollback", name)
    assert replicas() == [2]
    by(OTHER, "uninstall", name)
    assert replicas() == []
    control_plane.kubectl("delete", "namespace", name, "--wait=false")


def test_the_readme_names_the_versions_of_these_tests():
    for module in ("helm", OTHER):
        (version,) = re.findall(r"helm\.sh/helm/v\d v(\S+)", (GO_MODULES / module / "go.mod").read_text())
        assert version in README.read_text().partition("## Install")[0]
