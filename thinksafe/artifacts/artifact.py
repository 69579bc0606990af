"""What a stage makes, under its content digest: chunks of rows, files, and a manifest that comes last.

    artifacts/<kind>/<digest>/chunks/000000.parquet ...   rows; the first writer of a chunk wins
                              files/<name>                adapter weights, pages; the first writer wins
                              work/...                    checkpoints and progress; worthless afterwards
                              manifest.json               written last: from then on the artifact is complete

Chunks, files and manifest are never overwritten. So whatever is read once stays true, however many workers
and attempts there are, and a worker that was believed dead can do no harm.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from thinksafe.artifacts import parquet
from thinksafe.artifacts.store import Missing, Store
from thinksafe.errors import DataError, TemporaryError

FORMAT = "thinksafe.dev/artifact/v1"
_CHUNK = re.compile(r"chunks/(\d{6,})\.parquet")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_OURS = ("format", "kind", "digest", "rows", "objects")  # manifest fields that `finish` itself writes


@dataclass(frozen=True)
class Artifact:
    """One artifact in a store. Making this object touches nothing; it keeps no state of its own."""

    store: Store
    kind: str
    digest: str

    @property
    def prefix(self) -> str:
        return f"artifacts/{self.kind}/{self.digest}"

    @property
    def work(self) -> str:
        """Where things in progress are kept: a prefix without a slash at its end."""
        return f"{self.prefix}/work"

    # --- the manifest -----------------------------------------------------------------------------------------------

    def is_complete(self) -> bool:
        """Whether the manifest is there; then nothing of the artifact changes any more."""
        return self.store.exists(f"{self.prefix}/manifest.json")

    def manifest(self) -> dict:
        """The stage's fields, and: format, kind, digest, rows, and `objects`, one entry for each chunk and file.

        Raises Missing while the artifact is not complete, DataError if the manifest is damaged.
        """
        key = f"{self.prefix}/manifest.json"
        try:
            document = json.loads(self.store.get(key))
        except ValueError:
            raise DataError(f"{key}: not JSON, damaged or cut off", reason="Damaged", hint=parquet.DAMAGED) from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise DataError(f"{key}: its format is not {FORMAT}", reason="OtherFormat", hint="Use another storage.uri")
        return document

    def finish(self, manifest_fields: dict) -> None:
        """Write the manifest: the artifact is complete. The first to do so wins; nothing is ever rewritten.

        `manifest_fields["chunks"]` is the number of chunks there must be. All objects are read back, so that the
        manifest tells what is really in the store. Raises TemporaryError if a chunk is not committed yet.
        """
        if clash := sorted(set(manifest_fields) & set(_OURS)):
            raise ValueError(f"finish writes {clash} itself")
        chunks = self._all_chunks(manifest_fields["chunks"])
        objects = [{"name": self._name(k), **parquet.described(self.store.get(k), k)} for k in chunks]
        rows = sum(o["rows"] for o in objects)
        objects += [{"name": f"files/{f}", **self._file_described(f)} for f in self.files()]
        document = {
            **manifest_fields,
            "format": FORMAT,
            "kind": self.kind,
            "digest": self.digest,
            "rows": rows,
            "objects": objects,
        }
        text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False)
        self.store.put_if_absent(f"{self.prefix}/manifest.json", text.encode())

    def verify(self) -> list[str]:
        """Compare every object with the manifest's sha256; returns a line for each that is gone or changed."""
        problems = []
        for entry in self.manifest()["objects"]:
            key = f"{self.prefix}/{entry['name']}"
            try:
                found = self._sha256(key)
            except Missing:
                problems.append(f"{key}: is gone")
                continue
            if found != (entry["sha256"], entry["bytes"]):
                problems.append(f"{key}: is not what was committed ({found[1]} bytes; {entry['bytes']} were)")
        return problems

    # --- rows -------------------------------------------------------------------------------------------------------

    def committed(self) -> dict[int, str]:
        """Committed chunks: index -> key, in order. One listing."""
        found = {}
        for key in self.store.list(f"{self.prefix}/chunks/"):
            if match := _CHUNK.fullmatch(self._name(key)):
                found[int(match[1])] = key
        return dict(sorted(found.items()))

    def commit_chunk(self, index: int, rows: list[dict], schema: pa.Schema) -> bool:
        """Write a chunk unless it is there. True if it is ours, False if someone was first: theirs stays.

        Raises ValueError if the rows do not fit the schema.
        """
        return self.store.put_if_absent(self._chunk_key(index), parquet.to_bytes(rows, schema))

    def read_chunk(self, index: int) -> list[dict]:
        """A chunk's rows. Raises Missing if it is not committed, DataError if it is damaged."""
        key = self._chunk_key(index)
        return parquet.from_bytes(self.store.get(key), key)

    def rows(self) -> Iterator[dict]:
        """All committed rows in order of their chunks, with one chunk in memory at a time."""
        for index in self.committed():
            yield from self.read_chunk(index)

    # --- files ------------------------------------------------------------------------------------------------------

    def put_file(self, name: str, content: Path | bytes) -> None:
        """Keep a file beside the chunks, unless there is one of that name: as with chunks, the first one stays."""
        key = self._file_key(name)
        if isinstance(content, bytes):
            self.store.put_if_absent(key, content)
        else:
            self.store.upload_if_absent(key, content)

    def get_file(self, name: str) -> bytes:
        """A file's bytes. Raises Missing."""
        return self.store.get(self._file_key(name))

    def files(self) -> list[str]:
        """Names of the files, sorted."""
        start = f"{self.prefix}/files/"
        return [key.removeprefix(start) for key in self.store.list(start)]

    # --- keys -------------------------------------------------------------------------------------------------------

    def _name(self, key: str) -> str:
        return key.removeprefix(f"{self.prefix}/")

    def _chunk_key(self, index: int) -> str:
        if index < 0:
            raise ValueError(f"there is no chunk {index}")
        return f"{self.prefix}/chunks/{index:06d}.parquet"

    def _file_key(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a plain file name")
        return f"{self.prefix}/files/{name}"

    def _all_chunks(self, expected: int) -> list[str]:
        found = self.committed()
        if missing := [i for i in range(expected) if i not in found]:
            raise TemporaryError(
                f"{self.prefix}: chunk {missing[0]} is not committed ({len(missing)} of {expected} are missing)",
                reason="Incomplete",
                hint="Run the stage again; it makes what is missing",
            )
        if len(found) > expected:
            raise DataError(
                f"{self.prefix}: has {len(found)} chunks, but its inputs make {expected}",
                reason="TooManyChunks",
                hint=parquet.DAMAGED,
            )
        return list(found.values())

    def _file_described(self, name: str) -> dict:
        sha256, size = self._sha256(self._file_key(name))
        return {"bytes": size, "sha256": sha256}

    def _sha256(self, key: str) -> tuple[str, int]:
        """An object's hash and size, by way of a temporary file: an adapter may not fit in memory twice."""
        with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
            path = Path(folder) / "object"
            self.store.download(key, path)
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size
