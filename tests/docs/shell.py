"""How a shell block of the pages is run: as it stands, by bash, with programs of ours in front of some real ones.

Commands that would change a cluster are asked of it as a dry run; those of NOT_RUN do nothing.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from cluster.binaries import binary
from integration.runs import environment

from docs.blocks import ROOT, Block, commands

SECONDS = 280  # of one block at most
LANGUAGES = ("bash", "sh", "shell", "console")
NOT_RUN = {
    "make": "its targets are what runs these tests, and what CI calls",
    "buildah": "tests/e2e/test_images.py builds the images",
    "openssl": "tests/unit/attestation/test_signing.py signs and checks with these very lines",
    "cosign": "there is none here, nor a registry that it would sign in",
    "jq": "it reads what a build of images leaves",
}
# Commands that stand in a block with what they print, which is not run.
SHOWN = {
    "thinksafe experiment examples/experiments/": "tests/experiments runs every one of them",
    "kubectl thinksafe compare": "tests/e2e/test_plugin.py compares two runs",
    "kubectl thinksafe retry": "tests/e2e/test_plugin.py does a failed run again",
    "kubectl thinksafe report qwen3-8b -n alignment --endpoint": "no cluster of ours hides its store",
    "kubectl -n minio port-forward": "no cluster of ours hides its store",
}
OF_THE_SYSTEM = ("cat", "cd", "echo", "grep", "head", "less", "ls", "mkdir", "sed", "sort", "tail", "tar")
OURS = ("thinksafe", "python")
# Of helm these need no cluster: the chart is rendered. tests/e2e/test_chart.py installs and upgrades it.
_RENDERED = ("install", "upgrade", "template", "show", "lint", "dependency")
_BIN = Path(sys.executable).parent


def needs_cluster(block: Block) -> bool:
    """Whether a block asks something of a cluster; those are run by tests/e2e/test_docs.py."""
    return any(
        words[0] == "kubectl" or (words[0] == "helm" and words[1] not in _RENDERED) for words in commands(block.text)
    )


def programs(folder: Path, blocks: list[Block]) -> Path:
    """A folder for PATH in which the words of these blocks mean what they mean here."""
    folder.mkdir()
    words = {command[0] for block in blocks for command in commands(block.text)}
    for name in (*OURS, "kubectl-thinksafe", "kubectl_complete-thinksafe"):
        if (_BIN / name).exists():
            (folder / name).symlink_to(_BIN / name)
    for name in ("kubectl", "helm"):
        if name in words:
            stand_in = Path(__file__).parent / "stand_ins" / f"{name}.py"
            _write(folder / name, f'#!/bin/sh\nREAL={binary(name)} exec {sys.executable} {stand_in} "$@"\n')
    for name in NOT_RUN:
        _write(folder / name, "#!/bin/sh\nexit 0\n")
    return folder


def place(folder: Path) -> Path:
    """A folder in which a reader of the pages would be: that of the repository, with a manifest run.yaml."""
    folder.mkdir()
    for name in ("charts", "examples", "images", "gitops", "crds", "thinksafe"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def run(script: str, *, at: Path, path: Path, env: Mapping[str, str] = MappingProxyType({})) -> str:
    """What the script prints. AssertionError, with what it says, if any of its commands fails."""
    variables = environment(at / "scratch", **{"PATH": f"{path}:/usr/bin:/bin", **env})
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=at, env=variables, capture_output=True, text=True,
        timeout=SECONDS, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 0, f"exit code {done.returncode}\n{script}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def _write(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)
