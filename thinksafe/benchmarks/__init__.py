"""The benchmarks: one file each, with its rows, prompt, scorer, unit, licence and source.

Importing this package imports neither torch nor transformers, and no algebra system either.
"""

import difflib

from thinksafe.benchmarks import (
    advbench,
    aime24,
    gpqa_diamond,
    gsm8k,
    harmbench,
    math500,
    strongreject,
    tiny,
    wildjailbreak,
    xstest,
)
from thinksafe.benchmarks.base import Benchmark
from thinksafe.benchmarks.loading import fingerprint_of, load_problems
from thinksafe.benchmarks.pool import score_all
from thinksafe.errors import SettingsError
from thinksafe.spec import Storage

__all__ = ["fingerprint", "get", "load_problems", "names", "score_all"]

_MODULES = (harmbench, strongreject, wildjailbreak, xstest, advbench, gsm8k, math500, aime24, gpqa_diamond, tiny)
_ALL: dict[str, Benchmark] = {b.name: b for module in _MODULES for b in module.BENCHMARKS}


def names() -> tuple[str, ...]:
    """The names of all benchmarks."""
    return tuple(_ALL)


def get(name: str) -> Benchmark:
    """The benchmark of that name; SettingsError with the nearest name for one that is not there."""
    if name in _ALL:
        return _ALL[name]
    near = difflib.get_close_matches(name, _ALL, n=1, cutoff=0.5)
    raise SettingsError(
        f"There is no benchmark {name!r}",
        reason="UnknownBenchmark",
        hint=(f"Did you mean {near[0]}? " if near else "") + f"There are {', '.join(_ALL)}",
    )


def fingerprint(name: str, *, source: str | None = None, storage: Storage | None = None) -> str:
    """What identifies a benchmark's problems: the content of its source, without reading the rows."""
    return fingerprint_of(get(name), source=source, storage=storage)
