"""The environment of a worker's processes, made fit for a pod: a read-only root, any user id, no passwd entry.

What can be written there is under THINKSAFE_SCRATCH. vLLM, Triton, Inductor, matplotlib and the tiny world keep
their caches under HOME and TMPDIR, so it is enough that these two are there and can be written.
"""

import contextlib
import os
import pwd
import tempfile
from collections.abc import Mapping
from pathlib import Path


def surroundings(given: Mapping[str, str]) -> dict[str, str]:
    """The given environment with a usable HOME, TMPDIR and user name; makes the folders."""
    env = dict(given)
    scratch = env.get("THINKSAFE_SCRATCH")
    if scratch:
        _make(scratch)
        if not _make(env.get("HOME", "")):
            env["HOME"] = f"{scratch}/home"
        if not _make(env.get("TMPDIR") or tempfile.gettempdir()):
            env["TMPDIR"] = f"{scratch}/tmp"
        for name in ("HOME", "TMPDIR"):
            _make(env.get(name, ""))
    if not _has_name() and not env.keys() & {"LOGNAME", "USER", "LNAME", "USERNAME"}:
        env["USER"] = "thinksafe"  # getpass.getuser, which torch and vLLM name folders after, knows no bare number
    env.setdefault("TQDM_DISABLE", "1")  # a bar is no line of a log
    return env


def _make(folder: str) -> bool:
    """Whether the folder is there, or could be made, and can be written."""
    if not folder:
        return False
    with contextlib.suppress(OSError):
        Path(folder).mkdir(parents=True, exist_ok=True)
        return os.access(folder, os.W_OK)
    return False


def _has_name() -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwuid(os.getuid()))
    return False
