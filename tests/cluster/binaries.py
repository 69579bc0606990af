"""The programs of the cluster, built from the pinned Go modules in go/, once a user: a fresh clone finds them.

`KUBEBUILDER_ASSETS`, a folder with an installed set (etcd, kube-apiserver, kubectl, …), is taken first.
"""

import hashlib
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from cluster.places import GO_MODULES, cache, locked
from cluster.say import say

KUBERNETES = "v1.36.3"
_VERSION = "k8s.io/component-base/version"
_HELM_3 = "helm.sh/helm/v3/pkg"
OLD_SECONDS = 14 * 86400


class NotBuilt(RuntimeError):
    """A program cannot be had on this machine; the message says why."""


@dataclass(frozen=True)
class Module:
    """A Go module of go/ with its programs: name of the binary -> package."""

    name: str
    programs: dict[str, str]
    took: str  # on two cores, from nothing
    ldflags: str = "-s -w"


MODULES = [
    Module(
        "kubernetes",
        {p: f"k8s.io/kubernetes/cmd/{p}" for p in
         ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl")},
        "about 10 minutes",
        f"-s -w -X {_VERSION}.gitVersion={KUBERNETES} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=36",
    ),
    Module("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}, "1 minute"),
    Module("versitygw", {"versitygw": "github.com/versity/versitygw/cmd/versitygw"}, "1 minute"),
    Module("registry", {"registry": "github.com/distribution/distribution/v3/cmd/registry"}, "1 minute"),
    Module("coredns", {"coredns": "github.com/coredns/coredns"}, "2 minutes"),
    Module("pause", {"pause": "."}, "seconds"),
    # The firewall alone of it: it enforces network policies (policies.py).
    Module("kube-router", {"kube-router": "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"}, "3 minutes"),
    # What the chart is made and judged with.
    Module("helm", {"helm": "helm.sh/helm/v4/cmd/helm"}, "3 minutes"),
    Module(
        "helm-3",
        {"helm-3": "helm.sh/helm/v3/cmd/helm"},
        "2 minutes",
        # As its releases are built: without, `helm template` is for Kubernetes 1.20, which the chart refuses.
        f"-s -w -X {_HELM_3}/chartutil.k8sVersionMinor=37 -X {_HELM_3}/lint/rules.k8sVersionMinor=37",
    ),
    Module("kubeconform", {"kubeconform": "github.com/yannh/kubeconform/cmd/kubeconform"}, "seconds"),
    Module("kube-score", {"kube-score": "github.com/zegl/kube-score/cmd/kube-score"}, "1 minute"),
    Module("helm-docs", {"helm-docs": "github.com/norwoodj/helm-docs/cmd/helm-docs"}, "seconds"),
    # How GitOps tools build a folder, and how they judge what they applied: Argo CD and everyone with kstatus.
    Module("kustomize", {"kustomize": "sigs.k8s.io/kustomize/kustomize/v5"}, "1 minute"),
    Module("health", {"health": "."}, "6 minutes"),
    Module("kstatus", {"kstatus": "."}, "2 minutes"),
    # What bench/operator_scale.py measures beside ours.
    Module(
        "training-operator",
        {"training-operator": "github.com/kubeflow/training-operator/cmd/training-operator.v1"},
        "5 minutes",
    ),
]  # fmt: skip


def binary(name: str) -> Path:
    """The program of this name; builds its module where it is not there yet."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    if assets and (found := Path(assets) / name).exists():
        return found
    module = next(m for m in MODULES if name in m.programs)
    folder = cache("bin") / f"{module.name}-{_key(module)}"
    with locked(cache("bin") / f"{module.name}.lock"):
        if not (folder / name).exists():
            _build(module, folder)
            _prune(module, keep=folder)
    os.utime(folder)
    return folder / name


def _key(module: Module) -> str:
    """What the binaries are made of: the pinned modules, our own sources, the flags."""
    content = hashlib.sha256(module.ldflags.encode())
    folder = GO_MODULES / module.name
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        content.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return content.hexdigest()[:12]


def _build(module: Module, folder: Path) -> None:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise NotBuilt(f"{', '.join(module.programs)}: there is no Go to build it with (or set KUBEBUILDER_ASSETS)")
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    say(f"building {', '.join(module.programs)} (once, {module.took})")
    for program, package in module.programs.items():
        command = [go, "build", "-trimpath", f"-ldflags={module.ldflags}", "-o", str(unfinished / program)]
        built = subprocess.run(
            [*command, package], cwd=GO_MODULES / module.name, env={**os.environ, "CGO_ENABLED": "0"},
            capture_output=True, text=True,
        )  # fmt: skip
        if built.returncode:
            raise NotBuilt(f"{program} cannot be built: {built.stderr.strip()[-500:]}")
    unfinished.rename(folder)


def _prune(module: Module, keep: Path) -> None:
    """Forget what no one has used for two weeks; other branches may use other versions until then."""
    for folder in cache("bin").glob(f"{module.name}-{'[0-9a-f]' * 12}"):
        if folder != keep and time.time() - folder.stat().st_mtime > OLD_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
