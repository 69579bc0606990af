"""The files of the chart: current, linted, of one version, and the words after an installation."""

import shutil
import tarfile
import tomllib
from pathlib import Path

import pytest
import yaml
from chart.__main__ import README, readme
from chart.matrix import MATRIX
from chart.rendered import find, one, render
from chart.test_values import OTHER
from cluster.helm import CHART, RELEASE, SYSTEM, helm
from cluster.places import REPOSITORY

from thinksafe.crd.definition import definition
from thinksafe.crd.kinds import KINDS, Kind

CRDS = [f"{kind.plural}.thinksafe.dev" for kind in KINDS]


def test_the_readme_is_what_make_chart_writes():
    assert README.read_text() == readme(), "charts/thinksafe/README.md is not up to date: run `make chart`"


def test_every_value_is_described():
    rows = [line.split(" | ") for line in README.read_text().splitlines() if line.startswith("| ")]
    described = {row[0].removeprefix("| "): row[3].rstrip(" |") for row in rows[1:]}
    assert set(described) == set(OTHER)
    assert [key for key, words in described.items() if not words.endswith(".")] == []


@pytest.mark.parametrize("values", MATRIX.values(), ids=MATRIX)
def test_lint_finds_nothing(values):
    assert "0 chart(s) failed" in helm("lint", "--strict", CHART, values=values)


def test_chart_operator_and_package_have_one_version():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    package = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == package["version"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
def test_a_definition_arrives_unchanged(kind: Kind):
    name = f"{kind.plural}.thinksafe.dev"
    made = one(render(), "CustomResourceDefinition", name)
    assert {**made, "metadata": {"name": name}} == definition(kind)
    assert made["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_definitions_are_kept_or_not_or_not_there():
    gone = find(render({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert [o["metadata"]["name"] for o in gone if "annotations" not in o["metadata"]] == sorted(CRDS)
    assert find(render({"crds": {"enabled": False}}), "CustomResourceDefinition") == []


def test_nothing_else_is_kept():
    kept = [o["kind"] for o in render() if "helm.sh/resource-policy" in o["metadata"].get("annotations", {})]
    assert kept == ["CustomResourceDefinition"] * len(KINDS)


def notes(**values: object) -> str:
    """What the user reads after an installation."""
    printed = helm("install", RELEASE, CHART, f"--namespace={SYSTEM}", "--dry-run=client", values=values)
    return printed.partition("NOTES:\n")[2]


def test_the_notes_tell_the_next_commands():
    said = notes()
    assert "kubectl -n thinksafe-system rollout status deployment/thinksafe-operator" in said
    assert "helm test thinksafe -n thinksafe-system" in said
    assert "kubectl -n default apply -f run.yaml" in said
    assert "for the whole cluster" in said


@pytest.mark.parametrize(
    ("values", "told", "else_not"),
    [
        ({"namespaces": ["team-a", "team-b"]}, "for the namespaces team-a, team-b", True),
        ({"storage": {"uri": "s3://b", "secret": "s3-keys"}}, "create secret generic s3-keys", True),
        ({"storage": {"uri": "s3://b"}}, "each run must say its own in spec.storage", False),
        ({"tenancy": {"enabled": False}}, "kubectl annotate namespace", False),
        ({"rbac": {"create": False}}, "thinksafe-operator has no rights", True),
        ({"crds": {"keep": False}}, "leaves the definition", False),
        (
            {
                "storage": {"uri": "s3://b", "endpoint": "http://minio.minio.svc:9000"},
                "networkPolicy": {"enabled": True, "workers": {"namespaces": ["team-a"]}},
            },
            "http://minio.minio.svc:9000 must be among it",
            True,
        ),
    ],
)
def test_the_notes_say_what_concerns_these_values(values, told, else_not):
    assert (told in notes(**values)) is else_not
    assert (told in notes()) is not else_not


def test_the_package_holds_what_helm_needs_and_nothing_else(tmp_path):
    # A chart somebody has worked on: what Python and an editor leave behind stays at home.
    chart = Path(shutil.copytree(CHART, tmp_path / "chart" / "thinksafe"))
    (chart / "files" / "__pycache__").mkdir(exist_ok=True)
    (chart / "files" / "__pycache__" / "dry_run.cpython-311.pyc").write_bytes(b"")
    (chart / "templates" / "operator.yaml~").write_text("")
    helm("package", chart, f"--destination={tmp_path}")
    (archive,) = tmp_path.glob("*.tgz")
    with tarfile.open(archive) as package:
        names = {name.removeprefix("thinksafe/") for name in package.getnames()}
    assert {"Chart.yaml", "values.yaml", "values.schema.json", "README.md", "files/dry_run.py"} <= names
    assert {f"files/crds/thinksafe.dev_{kind.plural}.yaml" for kind in KINDS} <= names
    assert not [n for n in names if n.endswith((".gotmpl", "~")) or "__pycache__" in n]
