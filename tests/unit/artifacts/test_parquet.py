import subprocess
import sys

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.artifacts import parquet
from thinksafe.errors import DataError

SCHEMA = pa.schema([("id", pa.string()), ("ids", pa.list_(pa.int32())), ("p", pa.float64())])
ROWS = [{"id": f"row {i}", "ids": list(range(i)), "p": i / 7} for i in range(50)]
texts = st.text(st.characters(exclude_categories=["Cs"]))
rows = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.none() | texts,
            "ids": st.none() | st.lists(st.integers(-(2**31), 2**31 - 1)),
            "p": st.none() | st.floats(allow_nan=False),
        }
    ),
    max_size=8,
)


@settings(max_examples=50, deadline=None)
@given(rows)
def test_rows_come_back_and_their_bytes_are_always_the_same(rows):
    data = parquet.to_bytes(rows, SCHEMA)
    assert parquet.from_bytes(data, "k") == rows and parquet.described(data, "k")["rows"] == len(rows)
    assert parquet.to_bytes([dict(reversed(r.items())) for r in rows], SCHEMA) == data


def test_another_process_writes_the_same_bytes():
    code = (
        "import hashlib, pyarrow as pa; from thinksafe.artifacts import parquet;"
        "s = pa.schema([('id', pa.string()), ('ids', pa.list_(pa.int32())), ('p', pa.float64())]);"
        "r = [{'id': f'row {i}', 'ids': list(range(i)), 'p': i / 7} for i in range(50)];"
        "print(parquet.described(parquet.to_bytes(r, s), 'k')['sha256'])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert told == parquet.described(parquet.to_bytes(ROWS, SCHEMA), "k")["sha256"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_is_told_by_its_key(data):
    whole = parquet.to_bytes(ROWS, SCHEMA)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(DataError, match="artifacts/x/chunk: a damaged or cut-off Parquet file"):
        parquet.from_bytes(whole[:cut], "artifacts/x/chunk")


def test_a_flipped_bit_in_the_rows_is_seen():
    whole = bytearray(parquet.to_bytes(ROWS, SCHEMA))
    whole[60] ^= 1
    with pytest.raises(DataError):
        parquet.from_bytes(bytes(whole), "k")


@pytest.mark.parametrize(
    "row, said",
    [
        ({"id": "a", "ids": [1]}, r"row 1: columns \['p'\]"),
        ({"id": "a", "ids": [1], "p": 0.5, "more": 1}, r"row 1: columns \['more'\]"),
        ({"id": "a", "ids": "secret words", "p": 0.5}, "row 1: ids is not list"),
        ({"id": "a", "ids": [2**40], "p": 0.5}, "row 1: ids is not list"),
        ({"id": "a", "ids": [1], "p": "secret words"}, "row 1: p is not double"),
        ({"id": "secret \ud800", "ids": [1], "p": 0.5}, "row 1: id is not string"),
    ],
)
def test_a_row_that_does_not_fit_is_told_without_its_content(row, said):
    with pytest.raises(ValueError, match=said) as caught:
        parquet.to_bytes([ROWS[0], row], SCHEMA)
    assert "secret" not in str(caught.value) and caught.value.__suppress_context__ == ("columns" not in said)


def test_null_where_none_may_be():
    with pytest.raises(ValueError, match="row 1: id is null"):
        parquet.to_bytes([{"id": "a"}, {"id": None}], pa.schema([pa.field("id", pa.string(), nullable=False)]))
