"""A storm of faults between us and a real server: everything that is committed is there, once, unchanged."""

import hashlib
import random
import threading

import pyarrow as pa
import pytest

from thinksafe.artifacts import s3_multipart
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.patience import Patience
from thinksafe.errors import TemporaryError

from .faulty_proxy import FAULTS, FaultyProxy

SCHEMA = pa.schema([("id", pa.string()), ("ids", pa.list_(pa.int32()))])


def chunk(worker: int, index: int) -> list[dict]:
    noise = random.Random(worker * 1000 + index)
    return [{"id": f"{worker}-{index}-{i}", "ids": [noise.randrange(32000) for _ in range(200)]} for i in range(20)]


def always(fault: str, *methods: bytes, times: int = 10**9):
    """A chooser that does the same to the first so many requests of some methods."""
    left = [times]

    def choose(head: bytes) -> str | None:
        if head.split(b" ", 1)[0] in methods and left[0] > 0:
            left[0] -= 1
            return fault
        return None

    return choose


@pytest.mark.parametrize("seed", [1, 2])
def test_a_storm_loses_nothing_and_doubles_nothing(open_s3, s3_server, seed):
    dice, won, problems = random.Random(seed), dict[int, list[int]](), list[BaseException]()

    def choose(head: bytes) -> str | None:
        return dice.choice(FAULTS) if dice.random() < 0.35 else None

    def work(worker: int) -> None:
        try:
            artifact = Artifact(open_s3(endpoint=proxy.endpoint), "responses", "5" * 64)
            for index in range(8):
                if artifact.commit_chunk(index, chunk(worker, index), SCHEMA):
                    won.setdefault(index, []).append(worker)
        except BaseException as error:
            problems.append(error)

    with FaultyProxy(s3_server.port, choose, stall=1.5) as proxy:
        workers = [threading.Thread(target=work, args=(w,)) for w in range(2)]
        [w.start() for w in workers]
        [w.join() for w in workers]
        assert not problems
        assert set(FAULTS) & set(proxy.seen) and proxy.seen["passed"]
        stormy = Artifact(open_s3(endpoint=proxy.endpoint), "responses", "5" * 64)
        stormy.put_file("notes", b"n" * 100_000)
        stormy.finish({"chunks": 8})
        rows = list(stormy.rows())
    artifact = Artifact(open_s3(), "responses", "5" * 64)
    assert artifact.verify() == [] and list(artifact.rows()) == rows
    # Exactly one worker was told that a chunk is its own, and its rows are those that stay.
    assert sorted(won) == list(range(8)) and all(len(w) == 1 for w in won.values())
    assert rows == [row for index in range(8) for row in chunk(won[index][0], index)]
    assert artifact.get_file("notes") == b"n" * 100_000


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_only_delays(open_s3, s3_server, fault, tmp_path):
    data = bytes(range(256)) * 400
    with FaultyProxy(s3_server.port, always(fault, b"PUT", b"GET", b"DELETE", times=0), stall=1.5) as proxy:
        store = open_s3(endpoint=proxy.endpoint)
        for reads, call, expected in [
            (False, lambda: store.put("o", data), None),
            (True, lambda: store.get("o"), data),
            (False, lambda: store.put_if_absent("n", data), True),
            (False, lambda: store.put_if_absent("n", b"other"), False),
            (True, lambda: store.exists("n"), True),
            (True, lambda: store.list(""), ["n", "o"]),
            (True, lambda: store.download("o", tmp_path / "o"), None),
            (False, lambda: store.delete("o"), None),
        ]:
            before = proxy.seen[fault]
            proxy.choose = always(fault, b"PUT", b"GET", b"DELETE", times=2)
            assert call() == expected
            # A write's answer that is cut behind its status still says that it is done.
            told = not reads and fault in ("reply cut", "headers cut")
            assert told or proxy.seen[fault] == before + 2
    assert (tmp_path / "o").read_bytes() == data and open_s3().list("") == ["n"]


def test_a_write_whose_answer_was_lost_is_known_as_ours(open_s3, s3_server):
    """Without comparing, the repeated write would look as if another writer had been first."""
    with FaultyProxy(s3_server.port, always("swallowed", b"PUT", times=1)) as proxy:
        assert open_s3(endpoint=proxy.endpoint).put_if_absent("k", b"ours")
        assert proxy.seen == {"swallowed": 1, "passed": 2}


def test_another_writer_between_two_tries_is_not_taken_for_us(open_s3, s3_server):
    def choose(head: bytes) -> str | None:
        if not direct.exists("k"):
            direct.put("k", b"theirs")
            return "busy"
        return None

    direct = open_s3()
    with FaultyProxy(s3_server.port, choose) as proxy:
        assert not open_s3(endpoint=proxy.endpoint).put_if_absent("k", b"ours")
    assert direct.get("k") == b"theirs"


def test_a_half_sent_object_is_never_seen(open_s3, s3_server):
    short = Patience(seconds=1, first=0.1, longest=0.2, connect=1, reply=1)
    with FaultyProxy(s3_server.port, always("request cut", b"PUT")) as proxy:
        store = open_s3(endpoint=proxy.endpoint, patience=short)
        for write in (store.put, store.put_if_absent):
            with pytest.raises(TemporaryError):
                write("k", b"x" * 100_000)
        assert proxy.seen["request cut"] >= 4
    assert open_s3().list("") == []


@pytest.mark.parametrize("fault", ["busy", "request cut", "reply cut", "swallowed"])
def test_a_big_upload_comes_through_a_storm(open_s3, s3_server, fault, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_multipart, "PART_BYTES", 5 << 20)
    monkeypatch.setattr("thinksafe.artifacts.s3.PART_BYTES", 5 << 20)
    dice, big = random.Random(7), tmp_path / "big"
    big.write_bytes(random.Random(3).randbytes(11 << 20))
    with FaultyProxy(s3_server.port, lambda head: fault if dice.random() < 0.4 else None) as proxy:
        store = open_s3(endpoint=proxy.endpoint)
        assert store.upload_if_absent("once", big)
        store.upload("again", big)
        store.download("again", tmp_path / "back")
        assert proxy.seen[fault]
    wanted = hashlib.sha256(big.read_bytes()).digest()
    assert hashlib.sha256((tmp_path / "back").read_bytes()).digest() == wanted
    assert hashlib.sha256(open_s3().get("once")).digest() == wanted


def test_a_completion_whose_answer_was_lost_is_known_as_ours(open_s3, s3_server, tmp_path, monkeypatch):
    monkeypatch.setattr("thinksafe.artifacts.s3.PART_BYTES", 1000)
    (tmp_path / "big").write_bytes(b"b" * 5000)
    once = always("swallowed", b"POST", times=1)

    def choose(head: bytes) -> str | None:
        return once(head) if b"uploadId=" in head else None

    with FaultyProxy(s3_server.port, choose) as proxy:
        assert open_s3(endpoint=proxy.endpoint).upload_if_absent("k", tmp_path / "big")
        assert proxy.seen["swallowed"] == 1
    assert open_s3().get("k") == b"b" * 5000


def test_a_store_that_is_down_for_20_seconds_only_delays(open_s3, s3_server):
    store = open_s3(patience=Patience(seconds=60, first=0.2, longest=2, connect=1, reply=1))
    artifact = Artifact(store, "scores", "2" * 64)
    assert artifact.commit_chunk(0, chunk(0, 0), SCHEMA)
    s3_server.stop()
    again = threading.Timer(20, s3_server.start)
    again.start()
    try:
        assert artifact.commit_chunk(1, chunk(0, 1), SCHEMA)
    finally:
        again.join()
    artifact.finish({"chunks": 2})
    assert artifact.verify() == [] and list(artifact.rows()) == chunk(0, 0) + chunk(0, 1)
