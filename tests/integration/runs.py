"""Small runs of the tiny world for the tests: manifests, the real command, and what a store holds."""

import copy
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import yaml

SMALL = {
    "apiVersion": "thinksafe.dev/v1alpha1",
    "kind": "ThinkSafeRun",
    "metadata": {"name": "small"},
    "spec": {
        "model": {"name": "tiny://student?seed=0", "dtype": "float32"},
        "prompts": [{"source": "tiny://prompts?seed=0&harmful=24&benign=24", "format": "tiny"}],
        "dedup": {"near": 0},
        "generation": {"maxTokens": 160, "chunkRows": 8},
        "guard": {"name": "tiny://guard", "family": "tiny", "dtype": "float32"},
        "training": {"targets": ["all-linear"], "learningRate": 1e-3, "epochs": 1, "tokensPerPack": 1024},
        "evaluation": {
            "benchmarks": ["tiny-harmful", "tiny-benign", "tiny-problems"],
            "limit": 12,
            "samples": 1,
            "maxTokens": 160,
        },
        "gate": {"rules": [{"kind": "harmful", "max": 0.5, "minSamples": 5}]},
    },
}


def document(name: str = "small", **spec: object) -> dict:
    """SMALL with other values. A dict is merged into the one that is there."""
    changed = copy.deepcopy(SMALL)
    changed["metadata"]["name"] = name
    _merge(changed["spec"], spec)
    return changed


def manifest(folder: Path, name: str = "small", **spec: object) -> Path:
    """The same as a file."""
    file = folder / f"{name}.yaml"
    file.write_text(yaml.safe_dump(document(name, **spec)))
    return file


def _merge(into: dict, values: dict) -> None:
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


def environment(scratch: Path, **more: str) -> dict[str, str]:
    """One thread: then vLLM's CPU build gives a row the same bytes in any company (docs/determinism.md)."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "THINKSAFE_SCRATCH": str(scratch), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", **more}


def thinksafe(
    *arguments: object, scratch: Path, seconds: float = 1200, **env: str
) -> subprocess.CompletedProcess[str]:
    """The real command, to its end."""
    return subprocess.run(
        [sys.executable, "-m", "thinksafe", *map(str, arguments)],
        env=environment(scratch, **env),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def objects(store: Path) -> dict[str, str]:
    """sha256 of every committed object of the folder store: chunks, files and manifests, not work in progress."""
    return {
        str(path.relative_to(store)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((store / "artifacts").rglob("*"))
        if path.is_file() and "work" not in path.relative_to(store).parts and not path.name.startswith(".")
    }
