"""What is in an image, without a cluster: its size, its user, its versions, its bill of materials, its provenance."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import images, packages
from cluster.places import REPOSITORY

import thinksafe

pytestmark = pytest.mark.timeout(2400)
TAGS = ("localhost/thinksafe-built/operator:first", "localhost/thinksafe-built/operator:second")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """The operator's image built twice from nothing; the folders of its documents."""
    if why := packages.why_no_node():
        pytest.skip(f"no image can be built: {why}")
    packages.install()
    folders = [tmp_path_factory.mktemp("documents") for _ in TAGS]
    images.build(images.OPERATOR, TAGS[0], folders[0], "--no-cache")
    images.build(images.OPERATOR, TAGS[1], folders[1], "--no-cache", push=f"oci:{folders[1]}/layout:second")
    yield folders
    for tag in TAGS:
        images.buildah("rmi", tag, check=False)


def document(folder: Path, what: str) -> dict:
    return json.loads((folder / f"operator.{what}.json").read_text())


def content(image: str) -> dict[str, str]:
    """Every path of an image with its kind, owner, rights and bytes; not the times, which are those of the build."""
    container = images.buildah("from", "--pull=never", image).strip()
    try:
        root = Path(images.buildah("mount", container).strip())
        return {str(path.relative_to(root)): _described(path) for path in root.rglob("*")}
    finally:
        images.buildah("rm", container)


def _described(path: Path) -> str:
    about = path.lstat()
    owned = f"{about.st_mode:o} {about.st_uid}:{about.st_gid}"
    if path.is_symlink():
        return f"{owned} -> {path.readlink()}"
    return f"{owned} {hashlib.sha256(path.read_bytes()).hexdigest()}" if path.is_file() else owned


def config(image: str) -> dict:
    return json.loads(images.buildah("inspect", "--type", "image", image))["OCIv1"]["config"]


def test_built_twice_the_operator_s_image_has_the_same_contents(built: list[Path]) -> None:
    first, second = map(content, TAGS)
    assert len(first) > 1000
    assert {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)} == set()


def test_it_adds_less_than_200_mb_to_its_base_and_no_torch(built: list[Path]) -> None:
    """As files of the image, which is what a node stores."""
    container = images.buildah("from", "--pull=never", TAGS[0]).strip()
    try:
        root = Path(images.buildah("mount", container).strip())
        ours = root / "opt/thinksafe"
        added = sum(path.lstat().st_size for path in ours.rglob("*") if not path.is_dir())
        assert 10e6 < added < 200e6
        names = {path.name for path in (ours / "lib/python3.11/site-packages").iterdir()}
        assert names.isdisjoint({"torch", "vllm", "transformers", "numpy", "pyarrow", "boto3", "pip", "cyclonedx"})
        assert "thinksafe_operator" in names
    finally:
        images.buildah("rm", container)


def test_it_runs_as_nobody_in_particular(built: list[Path]) -> None:
    assert config(TAGS[0])["User"] == "65532:65532"


def test_its_labels_tell_its_versions(built: list[Path]) -> None:
    labels = config(TAGS[0])["Labels"]
    assert labels["org.opencontainers.image.version"] == thinksafe.__version__
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["org.opencontainers.image.revision"])
    assert re.fullmatch(r"3\.11\.\d+", labels["dev.thinksafe.python"])
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", labels["org.opencontainers.image.base.digest"])
    pinned = (REPOSITORY / "requirements/operator.txt").read_text()
    assert f"kopf=={labels['dev.thinksafe.kopf']} " in pinned
    assert "dev.thinksafe.torch" not in labels


def test_the_bill_of_materials_lists_what_is_pinned_and_the_distribution_s_packages(built: list[Path]) -> None:
    bill = document(built[0], "sbom.cdx")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "thinksafe-operator"
    found = {component.get("purl"): component for component in bill["components"]}
    pinned = re.findall(r"^([\w.-]+)==(\S+)", (REPOSITORY / "requirements/operator.txt").read_text(), re.MULTILINE)
    wanted = {f"{name.lower().replace('_', '-')}@{version}" for name, version in pinned}
    listed = {purl.removeprefix("pkg:pypi/") for purl in found if purl and purl.startswith("pkg:pypi/")}
    assert listed == wanted
    assert any(purl and purl.startswith("pkg:deb/debian/libc6@") for purl in found)
    names = {component["name"]: component["version"] for component in bill["components"]}
    assert names["thinksafe"] == thinksafe.__version__ and {"python", "debian"} <= names.keys()
    assert document(built[1], "sbom.cdx") == bill


def test_the_provenance_names_the_commit_the_base_and_the_files(built: list[Path]) -> None:
    said = document(built[0], "provenance")
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://slsa.dev/provenance/v1"
    (subject,) = said["subject"]
    digest = images.buildah("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", TAGS[0]).strip()
    assert subject["name"] == "localhost/thinksafe-built/operator"
    assert f"sha256:{subject['digest']['sha256']}" == digest
    definition = said["predicate"]["buildDefinition"]
    depends = {d["name"]: d["digest"] for d in definition["resolvedDependencies"]}
    labels = config(TAGS[0])["Labels"]
    base = labels["org.opencontainers.image.base.name"]
    assert f"sha256:{depends[base]['sha256']}" == labels["org.opencontainers.image.base.digest"]
    assert depends["source"] == {"gitCommit": labels["org.opencontainers.image.revision"].removesuffix("-dirty")}
    for file in ("images/operator/Dockerfile", "requirements/operator.txt"):
        assert depends[file] == {"sha256": hashlib.sha256((REPOSITORY / file).read_bytes()).hexdigest()}
    assert definition["externalParameters"]["buildArguments"]["VERSION"] == thinksafe.__version__


def test_of_an_image_that_was_pushed_it_names_what_the_registry_knows(built: list[Path]) -> None:
    (subject,) = document(built[1], "provenance")["subject"]
    (manifest,) = json.loads((built[1] / "layout" / "index.json").read_text())["manifests"]
    assert f"sha256:{subject['digest']['sha256']}" == manifest["digest"]
