"""Garbage is collected again once everything is loaded, not before."""

import gc

import pytest

from thinksafe.loading import uncollected


def test_it_is_collected_again_afterwards_also_where_loading_failed():
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ImportError), uncollected():
        raise ImportError
    assert gc.isenabled()


def test_one_within_another_ends_with_the_outer():
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()
