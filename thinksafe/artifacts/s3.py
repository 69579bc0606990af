"""A store in an S3 bucket, Amazon's or any server that knows conditional writes (`If-None-Match: *`).

boto3's own retries are off: it repeats a conditional write without telling, and then the first try's success
looks like another writer's. We repeat ourselves, and on a refusal after a repeat look whose object it is.
"""

import contextlib
import filecmp
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from thinksafe.artifacts import disk, s3_faults
from thinksafe.artifacts.patience import Again, Patience
from thinksafe.artifacts.s3_multipart import PART_BYTES, send
from thinksafe.artifacts.store import Missing, check_key
from thinksafe.errors import SettingsError
from thinksafe.spec import Storage

T = TypeVar("T")
_TAKEN = ("PreconditionFailed", "412")


class S3Store:
    """Implements thinksafe.artifacts.store.Store; a key is put behind the URI's prefix.

    Credentials come from boto3's chain: environment, shared files, web identity, container, instance (the last one not
    in a pod: stages/reach.py).
    """

    def __init__(self, storage: Storage, patience: Patience) -> None:
        parts = urlsplit(storage.uri)
        self.bucket, self._prefix = parts.netloc, parts.path.strip("/")
        self.uri = f"s3://{self.bucket}/{self._prefix}".rstrip("/")
        self._patience, self._client = patience, make_client(storage, patience)

    def get(self, key: str) -> bytes:
        def ask(repeated: bool) -> bytes:
            return self._open(key).read()

        return self._insist(key, ask)

    def put(self, key: str, data: bytes) -> None:
        self._insist(key, lambda repeated: self._client.put_object(**self._named(key), Body=data))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        def ask(repeated: bool) -> bool:
            try:
                self._client.put_object(**self._named(key), Body=data, IfNoneMatch="*")
                return True
            except ClientError as error:
                if s3_faults.code_of(error) not in _TAKEN:
                    raise
            # An earlier try may have been written and only its answer lost.
            return repeated and self._open(key).read() == data

        return self._insist(key, ask)

    def exists(self, key: str) -> bool:
        # Not HEAD: its answer has no body, and so cannot tell a missing object from a missing bucket.
        def ask(repeated: bool) -> bool:
            name = self._full(check_key(key))
            return any(entry["Key"] == name for entry in self._page(Prefix=name, MaxKeys=1).get("Contents", ()))

        return self._insist(key, ask)

    def list(self, prefix: str) -> list[str]:
        found, token = list[str](), dict[str, str]()
        cut = len(self._full(""))
        while True:
            page = self._insist(prefix, lambda repeated, t=token: self._page(Prefix=self._full(prefix), **t))
            found += [entry["Key"][cut:] for entry in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                return sorted(found)
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def delete(self, key: str) -> None:
        self._insist(key, lambda repeated: self._client.delete_object(**self._named(key)))

    def upload(self, key: str, path: Path) -> None:
        if path.stat().st_size <= PART_BYTES:
            self.put(key, path.read_bytes())
        else:
            self._send(key, path, {})

    def upload_if_absent(self, key: str, path: Path) -> bool:
        if self.exists(key):  # only to spare the sending; the conditional write decides
            return False
        if path.stat().st_size <= PART_BYTES:
            return self.put_if_absent(key, path.read_bytes())
        return self._send(key, path, {"IfNoneMatch": "*"})

    def download(self, key: str, path: Path) -> None:
        part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        try:
            with part.open("wb") as file:
                self._insist(key, lambda repeated: self._fetch(key, file))
            part.replace(path)
        except OSError as error:
            raise disk.explained(error, path) from error
        finally:
            part.unlink(missing_ok=True)

    # --- requests ---------------------------------------------------------------------------------------------------

    def _insist(self, key: str, ask: Callable[[bool], T]) -> T:
        """Do a request until it is answered; every fault becomes one of our errors."""
        where = f"{self.uri}/{key}"

        def attempt(repeated: bool) -> T:
            try:
                return ask(repeated)
            except Exception as error:
                if isinstance(error, ClientError) and s3_faults.code_of(error) == "NoSuchKey":
                    raise Missing(key, self.uri) from None
                told = s3_faults.explained(error, where, self.bucket)
                if told is None:
                    raise
                raise told from error

        return self._patience.insist(where, attempt)

    def _open(self, key: str):
        """The object's content as a stream that fails if it ends early."""
        return s3_faults.whole(self._client.get_object(**self._named(key)), "ContentLength")["Body"]

    def _page(self, **which) -> dict:
        return s3_faults.whole(self._client.list_objects_v2(Bucket=self.bucket, **which), "IsTruncated")

    def _fetch(self, key: str, file: BinaryIO) -> None:
        file.seek(0)
        file.truncate()
        # Not `with body`: that gives urllib3's stream, which takes a cut-off content for a whole one.
        with contextlib.closing(self._open(key)) as body:
            shutil.copyfileobj(body, file, 1 << 20)

    def _send(self, key: str, path: Path, condition: dict[str, str]) -> bool:
        """Send a big file in parts; it appears, whole, with the last request."""
        send_part = self._insist

        def settled(repeated: bool, error: ClientError) -> bool:
            code = s3_faults.code_of(error)
            if code in _TAKEN:
                return repeated and self._is(key, path)
            if code == "NoSuchUpload" and repeated:  # completed unheard, unless someone aborted it
                if self._is(key, path):
                    return True
                raise Again("an upload in parts was aborted by another")
            raise error

        return send(self._client, self._named(key), path, condition, lambda ask: send_part(key, ask), settled)

    def _is(self, key: str, path: Path) -> bool:
        """Whether the object has the file's content."""
        with tempfile.TemporaryDirectory(prefix="thinksafe-") as folder:
            theirs = Path(folder) / "object"
            try:
                self.download(key, theirs)
            except Missing:
                return False
            return filecmp.cmp(theirs, path, shallow=False)

    def _named(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self._full(check_key(key))}

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key


def make_client(storage: Storage, patience: Patience):
    """A boto3 client that tries once. Raises SettingsError for an endpoint that is no URL."""
    endpoint = storage.endpoint or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    config = Config(
        retries={"total_max_attempts": 1, "mode": "standard"},
        connect_timeout=patience.connect,
        read_timeout=patience.reply,
        tcp_keepalive=True,
        # Servers that are not Amazon's seldom have a DNS name for each bucket.
        s3={"addressing_style": "path"} if endpoint else {},
    )
    try:
        session = boto3.Session()
        region = storage.region or session.region_name or "us-east-1"
        return session.client("s3", endpoint_url=endpoint, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        told = s3_faults.explained(error, storage.uri, "") if isinstance(error, BotoCoreError) else None
        raise told if told and not isinstance(told, Again) else SettingsError(
            f"storage: {error}", reason="InvalidStorage", hint="Check storage.endpoint and storage.region"
        ) from error
