"""Where the real problem files are."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real prompts and problems."""
    folder = Path(os.environ.get("THINKSAFE_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the public data sets are not here: set THINKSAFE_DATA to their folder")
    return folder
