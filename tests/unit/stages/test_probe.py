"""prepare tries the store before anything else is done."""

import pytest

from thinksafe.artifacts.store import open_store
from thinksafe.errors import AccessError, SettingsError
from thinksafe.spec import Storage
from thinksafe.stages.prepare import probe
from thinksafe.stages.step import PREPARE_PATIENCE


def test_a_probe_leaves_nothing(tmp_path):
    store = open_store(Storage(uri=f"file://{tmp_path}"))
    probe(store, "runs/x/probe")
    assert store.list("") == []


class Careless:
    """A store that takes a conditional write for a plain one, as a server does that does not know the header."""

    uri = "s3://bucket"

    def __init__(self):
        self.held = {}

    def put_if_absent(self, key, data):
        self.held[key] = data
        return True

    def get(self, key):
        return self.held[key]

    def delete(self, key):
        del self.held[key]


def test_a_store_that_would_overwrite_is_refused():
    store = Careless()
    with pytest.raises(SettingsError, match="conditional") as refused:
        probe(store, "k")
    assert refused.value.reason == "StoreLacksFeature" and not store.held


class Forbidding(Careless):
    def put_if_absent(self, key, data):
        raise AccessError("no")


def test_what_the_store_says_reaches_the_user():
    with pytest.raises(AccessError):
        probe(Forbidding(), "k")


def test_prepare_gives_up_on_a_silent_store_within_a_minute():
    patience = PREPARE_PATIENCE
    assert patience.seconds + max(patience.connect, patience.reply) < 70
