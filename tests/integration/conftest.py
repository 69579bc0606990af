"""A real S3 server for the tests."""

import os
from collections.abc import Iterator

import pytest
from cluster.binaries import NotBuilt
from cluster.storage import KEYS, S3Server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server with no buckets. Reach it with KEYS."""
    try:
        server = S3Server(tmp_path_factory.mktemp("s3"))
    except NotBuilt as why:
        pytest.skip(f"no S3 server: {why}")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def s3_bucket(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new empty bucket of that server; the environment has the right credentials, and no one's settings."""
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEYS["aws_access_key_id"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["aws_secret_access_key"])
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    bucket = f"b-{os.urandom(6).hex()}"
    s3_server.client().create_bucket(Bucket=bucket)
    return bucket
