"""A release in a real S3 bucket: checked by its address, refused when an object is not what was published."""

from pathlib import Path

import pytest
from cluster.storage import S3Server
from integration.runs import thinksafe
from unit.attestation.finished import run_in

from thinksafe.artifacts.store import Store, open_store
from thinksafe.attestation.place import Place
from thinksafe.attestation.verify import Expected, verify
from thinksafe.errors import DataError
from thinksafe.spec import Storage
from thinksafe.stages.release import publish


@pytest.fixture
def store(s3_server: S3Server, s3_bucket: str) -> Store:
    return open_store(Storage(uri=f"s3://{s3_bucket}/prefix", endpoint=s3_server.endpoint))


def refused(place: Place) -> str:
    with pytest.raises(DataError) as caught:
        verify(place, Expected())
    return caught.value.reason


def test_it_is_checked_by_its_address(store: Store, s3_server: S3Server, tmp_path: Path) -> None:
    run = run_in(store)
    publish(run)
    address = f"{store.uri}/{run.released}"
    done = thinksafe("verify", address, scratch=tmp_path, AWS_ENDPOINT_URL_S3=s3_server.endpoint)
    assert done.returncode == 0 and "The gate passed" in done.stdout, done.stderr
    gone = thinksafe("verify", f"{address}-not", scratch=tmp_path, AWS_ENDPOINT_URL_S3=s3_server.endpoint)
    assert gone.returncode == 65 and "has no statement.json" in gone.stderr


def test_an_object_that_is_changed_added_or_gone_is_refused(store: Store) -> None:
    run = run_in(store)
    publish(run)
    place, config = Place(store, run.released), f"{run.released}/adapter_config.json"
    content = store.get(config)
    store.put(config, content.replace(b"3", b"4"))
    assert refused(place) == "FileChanged"
    store.put(config, content)
    for name in ("more.bin", "folder/more.json"):
        store.put(f"{run.released}/{name}", b"{}")
        assert refused(place) == "FileAdded"
        store.delete(f"{run.released}/{name}")
    verify(place, Expected())
    store.delete(config)
    assert refused(place) == "FileMissing"
