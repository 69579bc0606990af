"""The page's way to sign a statement with openssl works, and a changed statement has no good signature."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "supply-chain.md"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here")
def test_the_commands_of_the_page_sign_and_verify(copies):
    *sign, verify = re.findall(r"^(openssl .*)$", PAGE.read_text(), re.MULTILINE)
    assert " -verify " in verify and len(sign) == 3

    def done(command: str, folder: Path) -> int:
        return subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=False).returncode

    with copies() as folder:
        assert [done(command, folder) for command in (*sign, verify)] == [0, 0, 0, 0]
        changed = (folder / "statement.json").read_bytes().replace(b"tiny-harmful", b"tiny-harmles", 1)
        (folder / "statement.json").write_bytes(changed)
        assert done(verify, folder) != 0
