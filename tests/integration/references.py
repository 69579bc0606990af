"""Runs that nothing happens to, with the real command: what the disturbed ones are compared with.

Each is made once and kept in the user's cache, by a hash of all that its bytes depend on: the manifest, the code, the
pinned packages, the processor. That what is kept is what would be made shows in every comparison.
"""

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cluster.places import REPOSITORY, cache, locked
from integration.runs import thinksafe

import thinksafe as product

KEPT = 8  # of a few MB each


@dataclass(frozen=True)
class Reference:
    """A finished run: its store, which others use too and nobody writes to, and what the command printed."""

    store: Path
    printed: str


def reference(file: Path) -> Reference:
    """What `thinksafe run` makes of this manifest in an empty store."""
    place = cache("references") / code_key(file.read_bytes())
    with locked(place.with_suffix(".lock")):
        if not place.exists():
            _make(file, place)
            _prune(place.parent)
        os.utime(place)
    return Reference(place / "store", (place / "printed").read_text())


def _make(file: Path, place: Path) -> None:
    """In a temporary folder that is renamed, so that a crash leaves nothing half-made under that name."""
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as temporary:
        made, scratch = Path(temporary) / "made", Path(temporary) / "scratch"
        done = thinksafe("run", file, "--store", made / "store", scratch=scratch)
        assert done.returncode == 0, done.stderr[-2000:]
        (made / "printed").write_text(done.stdout)
        made.rename(place)


def code_key(more: bytes = b"") -> str:
    """A hash of all that an artifact's bytes depend on beside its manifest, and of `more`."""
    content = hashlib.sha256(more)
    code = Path(product.__file__).parent
    for source in sorted(code.rglob("*")):
        if source.is_file() and "__pycache__" not in source.parts:
            content.update(str(source.relative_to(code)).encode() + b"\0" + source.read_bytes())
    content.update((REPOSITORY / "requirements" / "cpu.txt").read_bytes())
    content.update(_processor().encode())
    return content.hexdigest()[:16]


def _processor() -> str:
    """Its name and what it can do: the order of sums, and with it the last bits, may depend on that."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _prune(folder: Path) -> None:
    stores = sorted((f for f in folder.iterdir() if f.is_dir() and f.name[0] != "."), key=lambda f: -f.stat().st_mtime)
    for old in stores[KEPT:]:
        shutil.rmtree(old)
        old.with_suffix(".lock").unlink(missing_ok=True)
