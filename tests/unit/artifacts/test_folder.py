import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from thinksafe.artifacts import folder
from thinksafe.artifacts.folder import FolderStore
from thinksafe.artifacts.store import Missing, open_store
from thinksafe.errors import AccessError, SettingsError, TemporaryError
from thinksafe.spec import Storage


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def test_objects_come_and_go(store, tmp_path):
    assert store.list("") == [] and not store.exists("a/b")
    store.put("a/b", b"one")
    store.put("a/b", b"two")
    store.put("a/bc", b"")
    assert store.get("a/b") == b"two" and store.exists("a/b") and not store.exists("a")
    assert store.list("a/b") == ["a/b", "a/bc"] == store.list("") and store.list("a/c") == []
    store.download("a/b", tmp_path / "file")
    store.upload("c", tmp_path / "file")
    assert store.get("c") == b"two" and not store.upload_if_absent("c", tmp_path / "file")
    store.delete("a/b")
    store.delete("a/b")
    assert store.list("") == ["a/bc", "c"]


@pytest.mark.parametrize("key", ["none", "a", "a/b/c"])
def test_what_is_not_there_is_missing(store, key, tmp_path):
    store.put("a/b", b"")
    for read in (store.get, lambda k: store.download(k, tmp_path / "file")):
        with pytest.raises(Missing, match=f"{key} is not in the store") as caught:
            read(key)
        assert isinstance(caught.value, KeyError) and caught.value.code == 65
    assert not (tmp_path / "file").exists()


def test_only_the_first_conditional_write_counts(store):
    assert store.put_if_absent("a/k", b"first") and not store.put_if_absent("a/k", b"second")
    assert store.get("a/k") == b"first"


@pytest.mark.parametrize("key", ["", "/etc/x", "../x", "a/../../x", "a//b", "a/", "./a"])
def test_no_key_leaves_the_store(store, key):
    for call in (lambda: store.put(key, b""), lambda: store.get(key), lambda: store.delete(key)):
        with pytest.raises(ValueError, match="not a key"):
            call()


RACE = """
import sys, time
from pathlib import Path
from thinksafe.artifacts.folder import FolderStore
store, me, start = FolderStore(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])
while time.time() < start: pass
print(sum(store.put_if_absent(f"race/{i}", me.encode() * 50_000) for i in range(40)))
"""


def test_of_two_processes_racing_one_wins_each_object_and_its_bytes_stay(store):
    start = str(time.time() + 3)
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE, store.root, me, start], stdout=subprocess.PIPE, text=True)
        for me in "ab"
    ]
    wins = {me: int(p.communicate(timeout=60)[0]) for me, p in zip("ab", racers, strict=True)}
    objects = [store.get(key) for key in store.list("race/")]
    assert len(objects) == 40 and sum(wins.values()) == 40
    assert all(o in (b"a" * 50_000, b"b" * 50_000) for o in objects)
    assert {me: sum(o[:1] == me.encode() for o in objects) for me in "ab"} == wins


KILLED = """
import sys
from pathlib import Path
from thinksafe.artifacts.folder import FolderStore
store, i = FolderStore(Path(sys.argv[1])), 0
print("go", flush=True)
while True:
    store.put("same", b"%08d" % i * 200_000)
    store.put_if_absent(f"new/{i:08d}", b"%08d" % i * 200_000)
    i += 1
"""


def test_a_kill_in_the_middle_of_writing_leaves_nothing_half(store):
    for delay in (0.01, 0.05, 0.1, 0.23):
        child = subprocess.Popen([sys.executable, "-c", KILLED, store.root], stdout=subprocess.PIPE)
        child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        for key in store.list(""):
            data = store.get(key)
            assert len(data) == 1_600_000 and data == data[:8] * 200_000, key


def test_what_a_kill_left_is_swept_after_a_day(store):
    left = store.root / ".tmp" / "left"
    store.put("k", b"")
    for name, age in (("old", 2 * 86400), ("young", 60)):
        (left.parent / name).write_bytes(b"half")
        os.utime(left.parent / name, (time.time() - age,) * 2)
    again = FolderStore(store.root)
    assert [p.name for p in left.parent.iterdir()] == ["young"] and again.list("") == ["k"]


def test_a_full_disk_is_named_and_what_was_there_stays(store, tmp_path):
    store.put("k", b"small")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        for write in (store.put, store.put_if_absent):
            for key in ("k2", "new/k"):
                with pytest.raises(SettingsError, match=r"the disk of /\S* is full") as caught:
                    write(key, b"x" * 100_000)
                assert caught.value.code == 78 and caught.value.reason == "DiskFull"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert store.list("") == ["k"] and store.get("k") == b"small" and not list((store.root / ".tmp").iterdir())


@pytest.mark.parametrize(
    "number, kind",
    [
        (errno.ENOSPC, SettingsError), (errno.EDQUOT, SettingsError), (errno.EIO, TemporaryError),
        (errno.EROFS, AccessError), (errno.EACCES, AccessError),
    ],
)  # fmt: skip
def test_faults_of_the_disk(store, monkeypatch, number, kind):
    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(folder.os, "fsync", fail)
    with pytest.raises(kind, match=str(store.root)):
        store.put("k", b"x")
    monkeypatch.undo()
    assert store.list("") == []


def test_a_folder_that_may_not_be_written(store):
    store.put("k", b"x")
    store.root.chmod(0o555)
    (store.root / ".tmp").chmod(0o555)
    if root := os.geteuid() == 0:  # whom no permission stops
        for above in store.root.parents:
            if above.stat().st_uid == 0 and str(above).startswith("/tmp/"):
                above.chmod(0o755)
        os.seteuid(65534)
    try:
        with pytest.raises(AccessError, match="Permission denied") as caught:
            store.put("k", b"y")
        assert caught.value.code == 77
    finally:
        if root:
            os.seteuid(0)
        store.root.chmod(0o755)
        (store.root / ".tmp").chmod(0o755)


def test_a_file_system_without_hard_links_is_told(store, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no")

    monkeypatch.setattr(folder.os, "link", refuse)
    with pytest.raises(SettingsError, match="has no hard links"):
        store.put_if_absent("k", b"x")


@pytest.mark.parametrize(
    "uri, said",
    [
        ("file:///dev/null", "/dev/null is a file"), ("file:///dev/null/x", "."), ("file://folder/x", "file:///folder"),
        ("file:///", "file:///folder"), ("ftp://x/y", "neither s3:// nor file://"), ("s3:///x", "names no bucket"),
        ("/tmp/x", "neither"),
    ],
)  # fmt: skip
def test_a_uri_that_names_no_store(uri, said):
    with pytest.raises(SettingsError, match=said) as caught:
        open_store(Storage(uri=uri)).put("k", b"")
    assert caught.value.code == 78


def test_a_file_uri_is_decoded(tmp_path):
    open_store(Storage(uri=f"file://{tmp_path}/with%20space")).put("k", b"x")
    assert (tmp_path / "with space" / "k").read_bytes() == b"x"
