"""A real S3 server (versitygw over a folder)."""

from pathlib import Path

import boto3

from cluster.binaries import binary
from cluster.process import Process, free_port, listens

KEYS = {"aws_access_key_id": "thinksafe", "aws_secret_access_key": "thinksafe-secret"}
REGION = "us-east-1"


class S3Server:
    """An S3 server over a folder. Down and up again, it keeps its address and its objects."""

    def __init__(self, folder: Path, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host, self.port = host, port or free_port(host)
        self.endpoint = f"http://{host}:{self.port}"
        (folder / "data").mkdir(parents=True)
        (folder / "meta").mkdir()
        keys = ["--access", KEYS["aws_access_key_id"], "--secret", KEYS["aws_secret_access_key"]]
        command = [binary("versitygw"), "--port", f"{host}:{self.port}", "--quiet", *keys]
        command += ["posix", "--sidecar", folder / "meta", folder / "data"]
        self._process = Process("versitygw", [str(part) for part in command], folder / "log")

    def start(self) -> None:
        self._process.start()
        self._process.wait_until(lambda: listens(self.host, self.port))

    def stop(self) -> None:
        self._process.stop()

    def client(self):
        return boto3.client("s3", endpoint_url=self.endpoint, region_name=REGION, **KEYS)
