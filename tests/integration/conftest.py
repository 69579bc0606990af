"""A real S3 server (versitygw, posix backend) for the tests; built once with Go, kept in .cache/bin."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
BIN = Path(__file__).parents[2] / ".cache" / "bin"
KEYS = {"aws_access_key_id": "thinksafe", "aws_secret_access_key": "thinksafe-secret"}


class S3Server:
    """A versitygw process on 127.0.0.1 over a folder. Down and up again, it keeps its port and its objects."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder, self.port = binary, folder, free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        (folder / "data").mkdir(parents=True)
        (folder / "meta").mkdir()
        self.process: subprocess.Popen | None = None

    def start(self) -> None:
        command = [self.binary, "--port", f"127.0.0.1:{self.port}", "--quiet"]
        command += ["--access", KEYS["aws_access_key_id"], "--secret", KEYS["aws_secret_access_key"]]
        command += ["posix", "--sidecar", self.folder / "meta", self.folder / "data"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        for _ in range(200):
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", self.port)):
                    return
            time.sleep(0.05)
        raise RuntimeError(f"versitygw does not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(10)

    def client(self):
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **KEYS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def versitygw() -> Path:
    """The server's binary, built once."""
    if (found := BIN / "versitygw").exists():
        return found
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        pytest.skip(f"no S3 server: {found} is not there, and there is no Go to build it with")
    BIN.mkdir(parents=True, exist_ok=True)
    built = subprocess.run(
        [go, "install", VERSITYGW], env={**os.environ, "GOBIN": str(BIN)}, capture_output=True, text=True, timeout=900
    )
    if built.returncode:
        pytest.skip(f"no S3 server: go install {VERSITYGW} failed: {built.stderr[-300:]}")
    return found


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A running S3 server with no buckets. Reach it with KEYS."""
    server = S3Server(versitygw(), tmp_path_factory.mktemp("s3"))
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
