import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinksafe.artifacts.chunks import chunk_ranges, order


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(1, 600))
def test_every_row_is_in_one_chunk_in_order(rows, chunk_rows):
    ranges = chunk_ranges(rows, chunk_rows)
    assert [i for r in ranges for i in r] == list(range(rows))
    assert all(len(r) == chunk_rows for r in ranges[:-1]) and all(1 <= len(r) <= chunk_rows for r in ranges)


@settings(deadline=None)
@given(st.data(), st.integers(1, 20), st.integers(0, 200))
def test_every_worker_sees_every_chunk_once_its_own_first(data, workers, chunks):
    worker = data.draw(st.integers(0, workers - 1))
    seen, own = order(worker, workers, chunks), list(range(worker, chunks, workers))
    assert sorted(seen) == list(range(chunks)) and seen[: len(own)] == own


@settings(deadline=None)
@given(st.integers(2, 8), st.integers(0, 200))
def test_two_workers_do_not_start_helping_at_the_same_chunk(workers, more):
    chunks = 3 * workers + more
    first_help = [order(w, workers, chunks)[len(range(w, chunks, workers))] for w in range(workers)]
    assert len(set(first_help)) == workers


@pytest.mark.parametrize("call", [lambda: order(2, 2, 5), lambda: order(-1, 2, 5), lambda: order(0, 0, 5),
                                  lambda: chunk_ranges(1, 0), lambda: chunk_ranges(-1, 5)])  # fmt: skip
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError):
        call()
