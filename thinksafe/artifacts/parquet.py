"""Rows to Parquet and back, in memory: the same rows always give the same bytes."""

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq

from thinksafe.errors import DataError

DAMAGED = "Remove the artifact's whole folder from the store and run it again; it is computed anew"


def to_bytes(rows: list[dict], schema: pa.Schema) -> bytes:
    """One Parquet file, zstd, with a checksum of every page. No rows make a file with no rows.

    Raises ValueError, naming column and row but no content, if a row does not have exactly the schema's columns
    or a value is not of its column's type. The bytes depend on the rows, the schema and the version of pyarrow.
    """
    names = set(schema.names)
    for i, row in enumerate(rows):
        if row.keys() != names:
            raise ValueError(f"row {i}: columns {sorted(row.keys() ^ names)} are missing or not in the schema")
    table = pa.Table.from_arrays([_column(rows, field) for field in schema], schema=schema)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", compression_level=3, version="2.6", write_page_checksum=True)
    return sink.getvalue().to_pybytes()


def _column(rows: list[dict], field: pa.Field) -> pa.Array:
    values = [row[field.name] for row in rows]
    try:
        column = pa.array(values, type=field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        # Arrow's own message quotes the value, which may be a harmful text.
        raise ValueError(f"row {_culprit(values, field)}: {field.name} is not {field.type}") from None
    if column.null_count and not field.nullable:
        raise ValueError(f"row {values.index(None)}: {field.name} is null")
    return column


def _culprit(values: list, field: pa.Field) -> int:
    for i, value in enumerate(values):
        try:
            pa.array([value], type=field.type)
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return i
    return -1


def from_bytes(data: bytes, key: str) -> list[dict]:
    """The rows of a Parquet file. Raises DataError naming the key if it is cut off or damaged."""
    try:
        return pq.read_table(pa.BufferReader(data), page_checksum_verification=True).to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(key, error) from None


def described(data: bytes, key: str) -> dict:
    """What a manifest says of a chunk: rows, bytes, sha256. Raises DataError if it cannot be read."""
    try:
        rows = pq.ParquetFile(pa.BufferReader(data)).metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(key, error) from None
    return {"rows": rows, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _damaged(key: str, error: Exception) -> DataError:
    what = f"{key}: a damaged or cut-off Parquet file ({type(error).__name__})"
    return DataError(what, reason="Damaged", hint=DAMAGED)
