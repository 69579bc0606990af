"""What is committed in a store: that it never changes, and that every row is there exactly once."""

import hashlib
import threading
from collections import Counter
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from e2e.namespace import Namespace

from thinksafe.artifacts import parquet

LOOK_SECONDS = 1.0
# What names a row of each kind of chunked artifact (thinksafe/stages/schemas.py).
_DRAWN, _ANSWER = ("id", "sample"), ("benchmark", "id", "sample")
KEYS = {
    "prompts": ("id",), "problems": ("benchmark", "id"), "responses": _DRAWN, "scores": _DRAWN, "dataset": _DRAWN,
    "perplexity": ("id",), "answers": _ANSWER, "verdicts": _ANSWER,
}  # fmt: skip


class Committed:
    """Looks at all committed objects of a place again and again while it is entered, and once more at the end.

    `hashes` are those first seen; `changed` tells of each object that was another one later, or gone.
    """

    def __init__(self, namespace: Namespace, storage: str) -> None:
        self.hashes: dict[str, str] = {}
        self.changed: list[str] = []
        self.looks = 0
        place = urlsplit(storage)
        self._bucket, self._prefix = place.netloc, f"{place.path.strip('/')}/"
        self._client = namespace.cluster.s3()
        self._marks: dict[str, tuple] = {}  # what a listing tells of the object that was hashed
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="committed", daemon=True)

    def __enter__(self) -> "Committed":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()

    def read(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{key}")["Body"].read()

    def look(self) -> None:
        """Compare all there is with what was there. Only what was written since is read."""
        listing, there = self._client.get_paginator("list_objects_v2"), set()
        for page in listing.paginate(Bucket=self._bucket, Prefix=f"{self._prefix}artifacts/"):
            for entry in page.get("Contents", []):
                key = entry["Key"].removeprefix(self._prefix)
                if "work" in key.split("/"):
                    continue
                there.add(key)
                mark = (entry["ETag"], entry["LastModified"], entry["Size"])
                if self._marks.get(key) != mark:
                    self._compare(key)
                    self._marks[key] = mark
        self.changed += [f"{key} is gone" for key in self.hashes if key not in there]
        self.looks += 1

    def _compare(self, key: str) -> None:
        found = hashlib.sha256(self.read(key)).hexdigest()
        if self.hashes.setdefault(key, found) != found:
            self.changed.append(f"{key} is another one")

    def _look_on(self) -> None:
        while not self._closed.wait(LOOK_SECONDS):
            try:
                self.look()
            except (BotoCoreError, ClientError):  # a busy server is asked again
                continue

    def rows(self) -> dict[str, list[tuple]]:
        """The names of all rows of every chunked artifact, by its folder (artifacts/<kind>/<digest>)."""
        found: dict[str, list[tuple]] = {}
        for key in sorted(self.hashes):
            folder, kind = "/".join(key.split("/")[:3]), key.split("/")[1]
            if kind in KEYS and "/chunks/" in key:
                rows = parquet.from_bytes(self.read(key), key)
                found.setdefault(folder, []).extend(tuple(row[k] for k in KEYS[kind]) for row in rows)
        return found


def wrong_rows(rows: dict[str, list[tuple]]) -> list[str]:
    """What is wrong with the rows of one run (`Committed.rows`): doubled ones, missing ones, unasked ones. Pure.

    Every prompt has responses, as many as every other one; every response is judged; every problem is answered, as
    often as every other one of its benchmark, by every model; and every answer has a verdict.
    """
    wrong = [
        f"{folder}: {n} times {row}" for folder, all_ in rows.items() for row, n in Counter(all_).items() if n > 1
    ]
    of_kind: dict[str, list[set]] = {}
    for folder, all_ in rows.items():
        of_kind.setdefault(folder.split("/")[1], []).append(set(all_))
    (prompts,), (problems,), (responses,) = (of_kind[kind] for kind in ("prompts", "problems", "responses"))
    wrong += _not_all(prompts, responses, "responses") + _not_equal([responses], of_kind["scores"], "scores")
    for answers in of_kind["answers"]:
        wrong += _not_all(problems, answers, "answers")
    wrong += _not_equal(of_kind["answers"], of_kind["verdicts"], "verdicts")
    (dataset,) = of_kind["dataset"]
    return wrong + [f"dataset: {row} has no response" for row in dataset - responses]


def _not_all(asked: set, drawn: set, what: str) -> list[str]:
    """Each of `asked` was drawn, with the samples 0, 1, … and no gap."""
    samples: dict[tuple, set[int]] = {}
    for *name, sample in drawn:
        samples.setdefault(tuple(name), set()).add(sample)
    wrong = [f"{what}: none of {name}" for name in asked - samples.keys()]
    wrong += [f"{what}: {name} is no row of what was asked" for name in samples.keys() - asked]
    return wrong + [f"{what}: {name} lacks a sample" for name, s in samples.items() if s != set(range(len(s)))]


def _not_equal(wanted: list[set], there: list[set], what: str) -> list[str]:
    """The same sets of rows, each as often."""
    a, b = Counter(map(frozenset, wanted)), Counter(map(frozenset, there))
    return [] if a == b else [f"{what}: {[len(s) for s in there]} rows, not {[len(s) for s in wanted]}, or others"]
