import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinksafe.errors import DataError
from thinksafe.training import packing
from thinksafe.training.rows import TrainRow, usable

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=20)


@given(LENGTHS, st.integers(1, 80))
def test_every_row_is_in_one_pack_and_no_pack_is_too_full(lengths, capacity):
    groups = packing.packs(lengths, capacity)
    assert sorted(i for g in groups for i in g) == list(range(len(lengths)))
    assert all(len(g) == 1 or sum(lengths[i] for i in g) <= capacity for g in groups)
    # First-fit decreasing opens a pack only when no other has room, so no two packs could be one.
    sums = sorted(sum(lengths[i] for i in g) for g in groups)
    assert len(sums) < 2 or sums[0] + sums[1] > capacity


@given(LENGTHS, st.integers(1, 5))
def test_shares_hold_every_row_once_and_are_balanced_to_one_row(lengths, processes):
    split = packing.shares(lengths, processes)
    assert sorted(i for share in split for i in share) == list(range(len(lengths)))
    loads = [sum(lengths[i] for i in share) for share in split]
    assert max(loads) - min(loads) <= max(lengths)


@given(st.integers(1, 30), st.integers(1, 9), st.integers(0, 5), st.integers(1, 60))
def test_batches_from_any_start_are_the_rest_of_all_batches(rows, batch_size, seed, stop):
    ids = [f"r{i}" for i in range(rows)]
    whole = list(packing.batches(ids, batch_size=batch_size, seed=seed, start=0, stop=stop))
    for start in range(0, stop, 7):
        rest = packing.batches(ids, batch_size=batch_size, seed=seed, start=start, stop=stop)
        assert list(rest) == whole[start:]
    epoch = whole[: -(-rows // batch_size)]
    if stop >= -(-rows // batch_size):
        assert sorted(i for batch in epoch for i in batch) == list(range(rows))


def test_order_depends_on_seed_and_epoch_and_not_on_the_order_of_reading():
    ids = [f"r{i}" for i in range(40)]
    names = [ids[i] for i in packing.order(ids, seed=1, epoch=0)]
    backwards = ids[::-1]
    assert names == [backwards[i] for i in packing.order(backwards, seed=1, epoch=0)]
    assert names != [ids[i] for i in packing.order(ids, seed=1, epoch=1)]
    assert names != [ids[i] for i in packing.order(ids, seed=2, epoch=0)]


@pytest.mark.parametrize(
    ("rows", "epochs", "max_steps", "steps"), [(16, 3, None, 6), (17, 3, None, 9), (17, 0.5, None, 2), (3, 3, 11, 11)]
)
def test_number_of_steps(rows, epochs, max_steps, steps):
    assert packing.total_steps(rows, batch_size=8, epochs=epochs, max_steps=max_steps) == steps


def test_only_response_tokens_are_predicted_each_from_the_token_before_it():
    rows = [TrainRow("a", "benign", [5, 6], [7, 8]), TrainRow("b", "harmful", [9], [1, 2, 3])]
    pack = packing.lay_out(rows)
    assert pack.ids == [5, 6, 7, 8, 9, 1, 2, 3]
    assert pack.positions == [0, 1, 2, 3, 0, 1, 2, 3]
    assert [(pack.ids[p], t) for p, t in zip(pack.predicts, pack.targets, strict=True)] == [
        (6, 7), (7, 8), (9, 1), (1, 2), (2, 3)
    ]
    assert pack.owners == [0, 0, 1, 1, 1]
    assert pack.lengths == [4, 4]


def test_long_rows_are_dropped_whole_and_counted():
    rows = [TrainRow("a", "benign", [1], [2, 3]), TrainRow("b", "benign", [1], [2, 3, 4])]
    assert usable(rows, max_length=3) == ([rows[0]], {"too-long": 1})
    assert usable(rows, max_length=4) == (rows, {})


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no training rows"),
        ([TrainRow("a", "benign", [1], [2, 3, 4, 5])], "no training rows are left"),
        ([TrainRow("a", "benign", [], [2])], "row a has an empty prompt"),
        ([TrainRow("a", "benign", [2], [])], "row a has an empty response"),
        ([TrainRow("a", "benign", [2], [3]), TrainRow("a", "benign", [2], [4])], "row a is there twice"),
    ],
)
def test_unusable_rows_are_named(rows, says):
    with pytest.raises(DataError, match=says):
        usable(rows, max_length=4)
