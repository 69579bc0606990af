"""The commands of the pages that need no cluster, as they stand there, page after page in one folder."""

from pathlib import Path

import pytest
from integration.runs import manifest

from docs import shell
from docs.blocks import Block, blocks

HERE = [block for block in blocks(*shell.LANGUAGES) if not shell.needs_cluster(block)]
pytestmark = [pytest.mark.slow, pytest.mark.vllm]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shell.programs(tmp_path_factory.mktemp("path") / "bin", HERE)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader is: in the repository, with a small run of the tiny world as run.yaml."""
    folder = shell.place(tmp_path_factory.mktemp("reader") / "repository")
    manifest(folder, "run")
    return folder


@pytest.mark.parametrize("block", HERE, ids=lambda b: b.id)
def test_it_works(block: Block, path: Path, place: Path):
    shell.run(block.filled, at=place, path=path)


def test_a_command_that_fails_is_noticed(path: Path, place: Path):
    with pytest.raises(AssertionError, match="exit code 78"):
        shell.run("thinksafe validate run.yaml\nsed s/harmful=24/harmless=24/ run.yaml > bad.yaml\n"
                  "thinksafe validate bad.yaml\necho not reached", at=place, path=path)  # fmt: skip
