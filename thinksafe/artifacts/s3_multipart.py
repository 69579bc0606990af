"""Sending a file that is too big for one request: in parts, each repeated by itself until it has arrived."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from thinksafe.artifacts.s3_faults import whole

# One request up to here. S3 allows 10,000 parts of an upload.
PART_BYTES = 64 << 20
_MOST_PARTS = 10_000

Ask = Callable[[bool], Any]


def send(
    client: Any,
    named: dict[str, str],
    path: Path,
    condition: dict[str, str],
    insist: Callable[[Ask], Any],
    settled: Callable[[bool, ClientError], bool],
) -> bool:
    """Upload the file at a path. True if the object is ours.

    `named` is Bucket and Key, `condition` goes with the completing request, `insist` repeats a request until
    it is answered, and `settled(repeated, error)` says what a refused completion means. A failed upload is
    aborted; of one that was killed parts may be left, which no one sees (docs/storage.md).
    """
    # Only where boto3 sends checksums at all: a server that knows none would refuse the announcement.
    checks = client.meta.config.request_checksum_calculation != "when_required"
    announced = {"ChecksumAlgorithm": "CRC32"} if checks else {}
    begun = insist(lambda repeated: whole(client.create_multipart_upload(**named, **announced), "UploadId"))
    upload, ours = {**named, "UploadId": begun["UploadId"]}, False
    try:
        parts = _send_parts(client, upload, path, insist)

        def complete(repeated: bool) -> bool:
            try:
                # Its status comes before the work is done; only the answer's content says that it is.
                reply = client.complete_multipart_upload(**upload, **condition, MultipartUpload={"Parts": parts})
                whole(reply, "ETag")
                return True
            except ClientError as error:
                return settled(repeated, error)

        ours = insist(complete)
        return ours
    finally:
        if not ours:
            with contextlib.suppress(Exception):
                client.abort_multipart_upload(**upload)


def _send_parts(client: Any, upload: dict[str, str], path: Path, insist: Callable[[Ask], Any]) -> list[dict]:
    size, sent = max(PART_BYTES, -(-path.stat().st_size // _MOST_PARTS)), []
    with path.open("rb") as file:
        while block := file.read(size):
            number = len(sent) + 1
            reply = insist(
                lambda repeated, n=number, b=block: whole(client.upload_part(**upload, PartNumber=n, Body=b), "ETag")
            )
            sent.append({"PartNumber": number, **{k: reply[k] for k in ("ETag", "ChecksumCRC32") if k in reply}})
    return sent
