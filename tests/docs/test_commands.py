"""The commands of the pages that need no cluster, as they stand there, page after page in one folder."""

from pathlib import Path

import pytest
from integration.runs import manifest

from docs import shell
from docs.blocks import Block, blocks, filled

# The release that the pages speak of, and what its base model is; here it is that of the README's run.
RELEASE, BASE = "s3://bucket/thinksafe/released/qwen3-8b/3f0c…", "Qwen/Qwen3-8B"
HERE = [block for block in blocks(*shell.LANGUAGES) if not shell.needs_cluster(block)]
pytestmark = [pytest.mark.slow, pytest.mark.vllm]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shell.programs(tmp_path_factory.mktemp("path") / "bin", HERE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader is: in the repository, with a small run of the tiny world as run.yaml."""
    folder = shell.place(tmp_path_factory.mktemp("reader") / "repository")
    manifest(folder, "run", gate={"rules": [{"kind": "harmful", "max": 1, "minSamples": 1}]})  # it is to publish
    return folder


@pytest.mark.parametrize("block", HERE, ids=lambda b: b.id)
def test_it_works(block: Block, path: Path, place: Path):
    text = block.text
    if RELEASE in text:
        text = text.replace(RELEASE, str(released(place))).replace(BASE, "tiny://student?seed=0")
    shell.run(filled(text), at=place, path=path)


def released(place: Path) -> Path:
    """The adapter that the README's run has published."""
    (folder,) = (place / "thinksafe-store" / "released" / "run").glob("*/")
    return folder


def test_a_command_that_fails_is_noticed(path: Path, place: Path):
    with pytest.raises(AssertionError, match="exit code 78"):
        shell.run("thinksafe validate run.yaml\nsed s/harmful=24/harmless=24/ run.yaml > bad.yaml\n"
                  "thinksafe validate bad.yaml\necho not reached", at=place, path=path)  # fmt: skip
