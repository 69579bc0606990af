"""Argo CD's engine, kstatus and Flux's, asked by tests (tests/cluster/go/health, tests/cluster/go/kstatus)."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from cluster.binaries import binary
from cluster.process import run

from gitops.files import FLUX, SETTINGS

RUNS = FLUX / "runs.yaml"


def argocd(*command: str, objects: Iterable[dict], settings: Path = SETTINGS) -> list[Any]:
    """What Argo CD, with our settings, answers for each object (tests/cluster/go/health/main.go)."""
    return json.loads(run(binary("health"), settings, *command, input=_stream(objects)))


def kstatus(objects: Iterable[dict]) -> list[str]:
    """The status of each object by the reference implementation."""
    return [a["status"] for a in json.loads(run(binary("kstatus"), "reference", input=_stream(objects)))]


def flux(objects: Iterable[dict]) -> list[str]:
    """The status of each object by Flux, with the expressions of gitops/flux/runs.yaml."""
    return [a["status"] for a in json.loads(run(binary("kstatus"), "flux", RUNS, input=_stream(objects)))]


def check_flux(objects: Iterable[dict]) -> None:
    """RuntimeError with what Flux does not know in an object of its own kinds."""
    run(binary("kstatus"), "check", input=_stream(objects))


def kustomize(folder: Path) -> list[dict]:
    """The objects of a folder with a kustomization."""
    return list(yaml.safe_load_all(run(binary("kustomize"), "build", folder)))


def _stream(objects: Iterable[dict]) -> str:
    return yaml.safe_dump_all(objects)
