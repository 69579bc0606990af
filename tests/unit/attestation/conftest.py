"""One published adapter for all tests of its check; each that changes something takes a copy."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from unit.attestation.finished import released

Copies = Callable[[], AbstractContextManager[Path]]


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="session")
def copies(adapter: Path) -> Copies:
    """Makes copies of the adapter's folder, for tests with many examples."""

    @contextmanager
    def copied() -> Iterator[Path]:
        with TemporaryDirectory() as folder:
            yield Path(shutil.copytree(adapter, Path(folder) / "adapter"))

    return copied
