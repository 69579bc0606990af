"""The S3 store against a real server: the protocol, races, and what a user did wrong."""

import threading
from pathlib import Path

import pyarrow as pa
import pytest

from thinksafe.artifacts import s3_multipart
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.patience import Patience
from thinksafe.artifacts.progress import Progress, read_progress
from thinksafe.artifacts.store import Missing
from thinksafe.errors import AccessError, SettingsError, TemporaryError

SCHEMA = pa.schema([("id", pa.string())])


def test_objects_come_and_go(open_s3):
    store = open_s3()
    assert not store.exists("a/b") and store.list("") == []
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    store.put("a/bc", b"")
    assert store.get("a/b") == b"two" and store.get("a/bc") == b""
    assert store.exists("a/b") and not store.exists("a")
    assert store.list("a/") == ["a/b", "a/bc"] == store.list("a/b")
    store.delete("a/b")
    store.delete("a/b")
    assert store.list("a/") == ["a/bc"]
    with pytest.raises(Missing, match="some/prefix/a/b is not in the store"):
        store.get("a/b")


def test_only_the_first_conditional_write_counts(open_s3):
    store = open_s3()
    assert store.put_if_absent("k", b"first")
    assert not store.put_if_absent("k", b"second")
    # Equal bytes of another writer are not ours either.
    assert not store.put_if_absent("k", b"first")
    assert store.get("k") == b"first"


def test_of_racing_writers_exactly_one_wins(open_s3):
    store, wins = open_s3(), []
    for round_ in range(10):
        start = threading.Barrier(4)

        def write(i: int, key=f"race/{round_}", start=start) -> None:
            start.wait()
            if store.put_if_absent(key, b"%d" % i * 1000):
                wins.append((key, i))

        threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert sorted(key for key, _ in wins) == store.list("race/")
    assert all(store.get(key) == b"%d" % i * 1000 for key, i in wins)


def test_listing_goes_over_pages(open_s3, s3_server, s3_bucket):
    store, client = open_s3(), s3_server.client()
    for i in range(1010):
        client.put_object(Bucket=s3_bucket, Key=f"some/prefix/many/{i:04d}", Body=b"")
    assert store.list("many/") == [f"many/{i:04d}" for i in range(1010)]


def test_big_files_go_in_parts(open_s3, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(s3_multipart, "PART_BYTES", 5 << 20)
    monkeypatch.setattr("thinksafe.artifacts.s3.PART_BYTES", 5 << 20)
    big, other, back = tmp_path / "big", tmp_path / "other", tmp_path / "back"
    big.write_bytes(b"0123456789abcdef" * 700_000)
    other.write_bytes(b"x" * (6 << 20))
    store = open_s3()
    assert store.upload_if_absent("big", big)
    assert not store.upload_if_absent("big", other)
    # Another writer may have come between the look and the completion.
    assert not store._send("big", other, {"IfNoneMatch": "*"})
    store.download("big", back)
    assert back.read_bytes() == big.read_bytes()
    store.upload("big", other)
    store.download("big", back)
    assert back.read_bytes() == other.read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"big", "other", "back"}


def test_a_missing_download_leaves_nothing(open_s3, tmp_path: Path):
    with pytest.raises(Missing):
        open_s3().download("none", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_an_artifact_is_kept_in_s3(open_s3, tmp_path: Path):
    artifact = Artifact(open_s3(), "prompts", "d" * 64)
    with Progress(artifact, "worker-0", total=3) as progress:
        for i in range(2):
            assert artifact.commit_chunk(i, [{"id": str(i)}], SCHEMA)
            progress.add(rows=1, chunks=1, tokens=5)
        assert not artifact.commit_chunk(0, [{"id": "late"}], SCHEMA)
        artifact.put_file("curve.json", b"[]")
        assert not artifact.is_complete()
        artifact.finish({"chunks": 2})
    assert artifact.is_complete() and artifact.verify() == []
    assert list(artifact.rows()) == [{"id": "0"}, {"id": "1"}] and artifact.files() == ["curve.json"]
    assert (read_progress(artifact).rows, read_progress(artifact).tokens) == (2, 10)


CALLS = {
    "get": lambda s: s.get("k"),
    "put": lambda s: s.put("k", b""),
    "put_if_absent": lambda s: s.put_if_absent("k", b""),
    "exists": lambda s: s.exists("k"),
    "list": lambda s: s.list(""),
    "delete": lambda s: s.delete("k"),
    "download": lambda s: s.download("k", Path("never")),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_bucket_that_is_not_there_is_named(open_s3, call):
    with pytest.raises(SettingsError, match="there is no bucket no-such-bucket") as caught:
        CALLS[call](open_s3(bucket="no-such-bucket"))
    assert caught.value.code == 78 and caught.value.reason == "NoSuchBucket"


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_credentials_are_told_at_once(open_s3, monkeypatch, call, name):
    monkeypatch.setenv(name, "not-the-right-one")
    with pytest.raises(AccessError) as caught:
        CALLS[call](open_s3())
    assert caught.value.code == 77 and "not-the-right-one" not in caught.value.line()


def test_missing_credentials_are_told_at_once(open_s3, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(AccessError, match="no S3 credentials were found"):
        open_s3().get("k")


def test_a_server_that_is_not_there_is_asked_for_a_while(open_s3):
    store = open_s3(endpoint="http://127.0.0.1:1", patience=Patience(seconds=0.3, first=0.05, longest=0.1))
    with pytest.raises(TemporaryError, match=r"is storage\.endpoint right\?, still so after [2-9] tries") as caught:
        store.get("k")
    assert caught.value.code == 75


def test_an_endpoint_that_is_no_url_is_a_wrong_setting(open_s3):
    with pytest.raises(SettingsError, match="Invalid endpoint"):
        open_s3(endpoint="not a url")
