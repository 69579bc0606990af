"""Tables come back as they were written, and a broken one is refused with the file and the row."""

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.errors import DataError
from thinksafe.prompts import tables

ROWS = [{"prompt": 'two\nlines, "quoted"', "label": "NA"}, {"prompt": "é \u2028 x", "label": ""}]
# csv cannot tell a lone \r or \0 from a fault in every dialect; JSON has no lone surrogates on disk.
TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\0"), max_size=40)


def write(path, rows):
    if path.suffix in (".csv", ".tsv"):
        with path.open("w", encoding="utf-8", newline="") as file:
            out = csv.DictWriter(file, list(rows[0]), delimiter="\t" if path.suffix == ".tsv" else ",")
            out.writeheader()
            out.writerows(rows)
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(json.dumps(r) for r in rows) + "\n\n")
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("suffix", tables.SUFFIXES)
def test_rows_come_back_as_written(tmp_path, suffix):
    path = write(tmp_path / f"t{suffix}", ROWS)
    assert list(tables.rows([path], "t")) == ROWS


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "b": TEXTS}), min_size=1, max_size=8))
def test_any_text_survives_csv_and_json_lines(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("tables")
    for suffix in (".csv", ".tsv", ".jsonl"):
        assert list(tables.rows([write(folder / f"t{suffix}", rows)], "t")) == rows


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert list(tables.rows([path], "t")) == [{"a": "1", "b": "2"}]


def test_json_lines_called_json_are_read(tmp_path):
    path = tmp_path / "t.json"
    path.write_text('{"a": 1}\n{"a": 2}\n')
    assert [r["a"] for r in tables.rows([path], "t")] == [1, 2]


def test_several_files_are_read_in_order(tmp_path):
    paths = [write(tmp_path / f"{i}.jsonl", [{"a": i}]) for i in range(3)]
    assert [r["a"] for r in tables.rows(paths, "t")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"a,b\n1,2\n3\n", "row 2 (line 3): 1 cells"),
        ("t.csv", b"a,b\n1,2\n3,4,5\n", "row 2 (line 3): 3 cells"),
        ("t.csv", b'a,b\n1,2\n3,"cut off', "row 2"),
        ("t.csv", b"a,a\n1,2\n", "first line must name"),
        ("t.csv", b"a,b\n", "no rows"),
        ("t.csv", b"a,b\n1,\xff\n", "not UTF-8"),
        ("t.jsonl", b'{"a": 1}\n\n{"a": ', "row 2 (line 3): not JSON"),
        ("t.jsonl", b'{"a": 1}\n[1]\n', "row 2 (line 2): list where an object"),
        ("t.jsonl", b'{"a": "\xff"}\n', "row 1 (line 1): the text is not UTF-8"),
        ("t.json", b'[{"a": 1}, 3]', "row 2: int where an object"),
        ("t.json", b'[{"a": 1}, {"a"', "not JSON"),
        ("t.json", b"[]", "no rows"),
        ("t.json", b"[" * 100_000, "not JSON"),
        ("t.parquet", b"PAR1 but not really", "not a whole Parquet file"),
        ("t.xlsx", b"x", "files ending in '.xlsx'"),
    ],
)
def test_broken_files_name_file_and_row(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        list(tables.rows([path], "s3://bucket/t"))
    assert said in str(caught.value)
    assert "s3://bucket/t" in str(caught.value)


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.99])
def test_a_cut_off_parquet_file(tmp_path, keep):
    path = write(tmp_path / "t.parquet", [{"a": str(i) * 50} for i in range(5000)])
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(DataError, match="Parquet"):
        list(tables.rows([path], "t"))


def test_a_parquet_file_with_broken_pages_names_where(tmp_path):
    path = tmp_path / "t.parquet"
    rows = [{"a": f"{i} {'x' * 200}"} for i in range(4000)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=1000, compression="zstd", use_dictionary=False)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 400] = bytes(400)
    path.write_bytes(whole)
    with pytest.raises(DataError, match="after row"):
        list(tables.rows([path], "t"))


def test_harmbench_has_400_rows_in_1530_lines(data):
    assert len(list(tables.rows([data / "harmbench_behaviors_text_all.csv"], "harmbench"))) == 400
