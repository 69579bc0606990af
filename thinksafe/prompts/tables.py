"""Tabular files as rows: CSV, TSV, JSON, JSON lines and Parquet. Every error names the file and the row.

A cell of CSV or TSV is the text that stands there: "NA", "null" and "" are texts, not missing values.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from thinksafe.errors import DataError

Row = dict[str, object]
LONGEST_CELL = 64 << 20


def rows(paths: Sequence[Path], name: str) -> Iterator[Row]:
    """All rows of the files, in order. `name` is what the user calls them. DataError if there is none."""
    count = 0
    for path in paths:
        reader = SUFFIXES.get(path.suffix.lower())
        if reader is None:
            raise DataError(
                f"{name}: files ending in {path.suffix or 'nothing'!r} cannot be read",
                reason="UnknownFileKind",
                hint=f"Use one of {', '.join(SUFFIXES)}",
            )
        title = name if len(paths) == 1 else f"{name} ({path.name})"
        for row in reader(path, title):
            count += 1
            yield row
    if not count:
        raise DataError(f"{name} has no rows", reason="EmptyFile")


def _delimited(delimiter: str) -> Callable[[Path, str], Iterator[Row]]:
    def read(path: Path, name: str) -> Iterator[Row]:
        csv.field_size_limit(LONGEST_CELL)  # the default of 128 KiB is less than some long prompts
        number = 0
        # newline="" leaves line ends to csv: a quoted cell may hold some (HarmBench's do).
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                columns = _checked(next(lines, []), name)
                for number, cells in enumerate((c for c in lines if c), start=1):
                    if len(cells) != len(columns):
                        raise DataError(
                            f"{name}, row {number} (line {lines.line_num}): {len(cells)} cells, but the file has "
                            f"{len(columns)} columns",
                            hint="Put cells that hold a delimiter or a line end in double quotes",
                        )
                    yield dict(zip(columns, cells, strict=True))
            except csv.Error as error:
                raise DataError(
                    f"{name}, row {number + 1} (line {lines.line_num}): {error}",
                    hint="The file is cut off, or a quote is missing",
                ) from error
            except UnicodeDecodeError as error:
                raise not_utf8(name, f"after row {number}", error) from error

    return read


def _checked(columns: list[str], name: str) -> list[str]:
    if not columns:
        raise DataError(f"{name} has no rows", reason="EmptyFile")
    if len(set(columns)) < len(columns) or any(not c.strip() for c in columns):
        raise DataError(f"{name}: the first line must name the columns, each once")
    return columns


def not_utf8(name: str, where: str, error: UnicodeDecodeError) -> DataError:
    """The error for bytes that are not UTF-8."""
    return DataError(f"{name}, {where}: the text is not UTF-8 ({error.reason})", hint="Save the file as UTF-8")


def _json_lines(path: Path, name: str) -> Iterator[Row]:
    number = 0
    with path.open("rb") as file:
        for line_number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            number += 1
            where = f"row {number} (line {line_number})"
            try:
                yield _as_row(json.loads(line.decode("utf-8-sig")), name, where)
            except UnicodeDecodeError as error:
                raise not_utf8(name, where, error) from error
            except (json.JSONDecodeError, RecursionError) as error:
                raise DataError(
                    f"{name}, {where}: not JSON ({_what(error)})", hint="The file may be cut off"
                ) from error


def _json(path: Path, name: str) -> Iterator[Row]:
    """A JSON list of objects; a file of JSON lines that is called .json is read as such."""
    with path.open("rb") as file:
        head = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith(b"["):
        yield from _json_lines(path, name)
        return
    try:
        values = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise not_utf8(name, f"byte {error.start}", error) from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{name}: not JSON ({_what(error)})", hint="The file may be cut off") from error
    for number, value in enumerate(values, start=1):
        yield _as_row(value, name, f"row {number}")


def _what(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, line {error.lineno}, column {error.colno}"
    return "nested too deep"


def _as_row(value: object, name: str, where: str) -> Row:
    if not isinstance(value, dict):
        raise DataError(f"{name}, {where}: {type(value).__name__} where an object was expected")
    return value


def _parquet(path: Path, name: str) -> Iterator[Row]:
    import pyarrow as pa  # half a second, and every process that scores would pay it
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=512):
                for row in batch.to_pylist():
                    number += 1
                    yield row
    except (pa.ArrowException, OSError) as error:
        where = f", after row {number}" if number else ""
        raise DataError(
            f"{name}{where}: not a whole Parquet file", reason="BrokenParquet", hint="It is cut off: copy it again"
        ) from error
    except UnicodeDecodeError as error:
        raise not_utf8(name, f"after row {number}", error) from error


SUFFIXES: dict[str, Callable[[Path, str], Iterator[Row]]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".json": _json,
    ".jsonl": _json_lines,
    ".parquet": _parquet,
}
