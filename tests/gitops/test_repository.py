"""What a platform copies: repository, settings of Argo CD, objects of Flux, and the page that shows them."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from cluster.crds import install_crds
from docs.blocks import of

from gitops import tools
from gitops.files import ARGOCD, FLUX, ROOT, SETTINGS
from thinksafe import checks, manifest
from thinksafe.spec import KIND

REPOSITORY = ROOT / "gitops" / "repository"
RUNS = [p for p in sorted((REPOSITORY / "runs").glob("*.yaml")) if p.name != "kustomization.yaml"]


def documents(*folders: Path) -> list[dict]:
    files = [file for folder in folders for file in sorted(folder.rglob("*.yaml"))]
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.name)
def test_its_runs_are_valid(path):
    checks.static(manifest.read(path).spec)


@pytest.mark.timeout(1800)  # the programs may have to be built first
def test_the_api_server_takes_what_kustomize_makes_of_it(engines, control_plane):
    install_crds(control_plane)
    control_plane.kubectl("create", "namespace", "alignment", check=False)
    objects = tools.kustomize(REPOSITORY)
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-",
                          input=yaml.safe_dump_all(objects))  # fmt: skip
    waves = {one["kind"]: one["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"] for one in objects}
    assert waves == {"Namespace": "-1", KIND: "0", "ConfigMap": "1"}


def test_a_run_of_it_may_name_what_its_namespace_was_given():
    (namespace,) = [d for d in documents(REPOSITORY / "platform") if d["kind"] == "Namespace"]
    given = namespace["metadata"]["annotations"]
    for path in RUNS:
        storage = yaml.safe_load(path.read_text())["spec"]["storage"]
        assert storage["uri"] == given["thinksafe.dev/storage"]
        assert storage["credentialsSecret"] == given["thinksafe.dev/secrets"]


def test_argo_cd_knows_every_field_of_its_application(engines):
    application = yaml.safe_load((ARGOCD / "application.yaml").read_text())
    assert tools.argocd("application", objects=[application]) == ["alignment"]
    application["spec"]["syncPolicy"]["automated"]["selfHealing"] = True
    with pytest.raises(RuntimeError, match="selfHealing"):
        tools.argocd("application", objects=[application])


def test_flux_knows_every_field_of_its_objects_and_they_wait_for_each_other(engines):
    objects = documents(FLUX)
    tools.check_flux(objects)
    with pytest.raises(RuntimeError, match="wate"):
        tools.check_flux([{**objects[0], "spec": {**objects[0]["spec"], "wate": True}}])
    waits = {o["metadata"]["name"]: [d["name"] for d in o["spec"].get("dependsOn", [])] for o in objects}
    assert waits == {
        "alignment": [],
        "alignment-platform": [],
        "alignment-runs": ["alignment-platform"],
        "alignment-serving": ["alignment-runs"],
    }
    for one in objects:
        if "path" in one["spec"]:
            assert (REPOSITORY / one["spec"]["path"] / "kustomization.yaml").exists()


class TestSettings:
    """Both ways to bring them to an Argo CD keep what it has already."""

    OWN = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": {"url": "https://a.b"}}

    def test_as_a_component_of_kustomize(self, engines, tmp_path):
        shutil.copytree(ARGOCD, tmp_path / "thinksafe")
        (tmp_path / "argocd-cm.yaml").write_text(json.dumps(self.OWN))
        (tmp_path / "kustomization.yaml").write_text(
            json.dumps({"resources": ["argocd-cm.yaml"], "components": ["thinksafe"]})
        )
        (made,) = tools.kustomize(tmp_path)
        assert made["data"] == {**self.OWN["data"], **self.ours()}

    def test_by_kubectl_as_the_page_says(self, control_plane):
        control_plane.kubectl("create", "namespace", "argocd", check=False)
        control_plane.kubectl("apply", "-n", "argocd", "-f", "-", input=json.dumps(self.OWN))
        control_plane.kubectl("-n", "argocd", "patch", "configmap", "argocd-cm", "--patch-file", str(SETTINGS))
        made = json.loads(control_plane.kubectl("get", "configmap", "argocd-cm", "-n", "argocd", "-o", "json"))
        assert made["data"] == {**self.OWN["data"], **self.ours()}

    def ours(self) -> dict:
        return yaml.safe_load(SETTINGS.read_text())["data"]


def test_every_manifest_of_the_page_is_one_of_these_files():
    files = documents(REPOSITORY, ARGOCD, FLUX)
    shown = [d for b in of(ROOT / "docs" / "gitops.md") if b.language == "yaml" for d in yaml.safe_load_all(b.text)]
    assert len(shown) == 6
    assert [d["metadata"]["name"] for d in shown if d not in files] == []
