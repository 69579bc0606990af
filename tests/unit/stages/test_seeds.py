from hypothesis import given
from hypothesis import strategies as st

from thinksafe.stages.seeds import row_seed


@given(st.integers(0, 2**31), st.text(), st.integers(0, 64), st.integers(1, 9))
def test_a_seed_fits_every_engine_and_depends_on_the_row_alone(run, row, sample, rung):
    seed = row_seed(run, row, sample, rung)
    assert 0 <= seed < 2**31
    assert seed == row_seed(run, row, sample, rung)


def test_samples_and_rows_do_not_share_seeds():
    seeds = {row_seed(42, f"row-{i}", s, 1) for i in range(500) for s in range(4)}
    assert len(seeds) == 2000
    assert row_seed(42, "a", 11) != row_seed(42, "a1", 1)
