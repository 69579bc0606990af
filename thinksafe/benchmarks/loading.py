"""A benchmark's file becomes its problems."""

from collections.abc import Mapping

from thinksafe.benchmarks import tiny
from thinksafe.benchmarks.base import Benchmark, Problem
from thinksafe.errors import DataError, SettingsError
from thinksafe.prompts import sources, tables
from thinksafe.prompts.formats import rank
from thinksafe.spec import Storage


def load_problems(
    benchmark: Benchmark,
    *,
    source: str | None = None,
    limit: int | None = None,
    seed: int = 0,
    storage: Storage | None = None,
) -> list[Problem]:
    """The problems in the file's order, or `limit` of them, chosen by hash: a larger limit only adds some.

    `source` is another place of the benchmark's file; its columns must be the same. Raises DataError for a file or
    row that does not fit, SettingsError where no source is known, AccessError, TemporaryError.
    """
    uri = place(benchmark, source)
    if sources.scheme(uri) == "tiny":
        problems = tiny.problems(uri, benchmark)
    else:
        problems = _read(benchmark, uri, source, storage)
    if not problems:
        raise DataError(f"benchmark {benchmark.name}: {uri} has no problem for it", reason="EmptyBenchmark")
    repeated = len(problems) - len({p.id for p in problems})
    if repeated:
        raise DataError(f"benchmark {benchmark.name}: {uri} has {repeated} rows twice", hint="Remove the copies")
    if limit is None or limit >= len(problems):
        return problems
    chosen = {p.id for p in sorted(problems, key=lambda p: rank(seed, p.id))[:limit]}
    return [p for p in problems if p.id in chosen]


def place(benchmark: Benchmark, source: str | None) -> str:
    """Where the file is: the manifest's word, or the benchmark's own source."""
    if uri := source or benchmark.source:
        return uri
    raise SettingsError(
        f"benchmark {benchmark.name} has no public place we may rely on",
        reason="NoSource",
        hint=f"Name its file in evaluation.sources.{benchmark.name}. {benchmark.notes}",
    )


def fingerprint_of(benchmark: Benchmark, *, source: str | None = None, storage: Storage | None = None) -> str:
    """The content digest of the benchmark's file (see `sources.fingerprint`), and which benchmark reads it."""
    uri = place(benchmark, source)
    if sources.scheme(uri) == "tiny":
        return f"{benchmark.name}:{tiny.fingerprint(uri, benchmark)}"
    return f"{benchmark.name}:{sources.fingerprint(uri, storage=storage, **_pin(benchmark, source))}"


def _read(benchmark: Benchmark, uri: str, source: str | None, storage: Storage | None) -> list[Problem]:
    with sources.opened(uri, storage=storage, **_pin(benchmark, source)) as paths:
        rows = list(tables.rows(paths, uri))
    try:
        return benchmark.read(rows)
    except DataError as error:
        raise DataError(f"{uri}: {error}", reason=error.reason, hint=error.hint) from error


def _pin(benchmark: Benchmark, source: str | None) -> Mapping:
    """The revision belongs to the benchmark's own source, not to another one that the manifest names."""
    return {"split": benchmark.split, "revision": None if source else benchmark.revision}
