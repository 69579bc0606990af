"""Stores of the tests' S3 server."""

from collections.abc import Callable

import pytest

from thinksafe.artifacts.patience import Patience
from thinksafe.artifacts.store import Store, open_store
from thinksafe.spec import Storage

HASTY = Patience(seconds=60, first=0.01, longest=0.1, connect=1, reply=1)


@pytest.fixture
def open_s3(s3_server, s3_bucket: str) -> Callable[..., Store]:
    """Opens a store in a new bucket; another endpoint, bucket or patience may be said."""

    def opened(endpoint: str = s3_server.endpoint, bucket: str = s3_bucket, patience: Patience = HASTY) -> Store:
        return open_store(Storage(uri=f"s3://{bucket}/some/prefix/", endpoint=endpoint), patience)

    return opened
