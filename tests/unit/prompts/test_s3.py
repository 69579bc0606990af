"""A little S3 server that answers what it is told to: each answer becomes the right error."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

import pytest

from thinksafe.errors import AccessError, DataError, SettingsError, TemporaryError
from thinksafe.prompts import formats, sources
from thinksafe.spec import PromptSource, Storage

CSV = b"prompt,label\np,safe\nq,unsafe\n"


class Server(ThreadingHTTPServer):
    """Serves `answers` in turn, the last one for ever; each is a status, an S3 error code or None, and a body."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.cut = [(200, None, CSV)], count(), 0
        self.paths = list[str]()

    @property
    def storage(self) -> Storage:
        return Storage(uri="s3://bucket/x", endpoint=f"http://127.0.0.1:{self.server_port}", region="us-east-1")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server: Server = self.server  # type: ignore[assignment]
        server.paths.append(self.path)
        status, code, body = server.answers[min(next(server.asked), len(server.answers) - 1)]
        if code:
            body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>m</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + server.cut))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    with Server() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


def test_prompts_come_from_s3_with_the_same_fingerprint_as_from_a_file(server, tmp_path):
    uri = "s3://bucket/a/t.csv"
    found = formats.load(PromptSource(source=uri), seed=0, storage=server.storage)
    assert {(p.text, p.label) for p in found} == {("p", "benign"), ("q", "harmful")}
    assert server.paths == ["/bucket/a/t.csv"]
    (tmp_path / "t.csv").write_bytes(CSV)
    assert sources.fingerprint(uri, storage=server.storage) == sources.fingerprint(str(tmp_path / "t.csv"))


def test_nothing_is_left_on_the_disk(server):
    with sources.opened("s3://bucket/t.csv", storage=server.storage) as paths:
        assert paths[0].exists()
    assert not paths[0].parent.exists()


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (404, "NoSuchBucket", SettingsError, "no bucket bucket"),
        (404, "NoSuchKey", DataError, "no such object"),
        (403, "AccessDenied", AccessError, "may not read"),
        (403, "InvalidAccessKeyId", AccessError, "may not read"),
        (400, "ExpiredToken", AccessError, "may not read"),
        (400, "AuthorizationHeaderMalformed", SettingsError, "refuses"),
        (503, "SlowDown", TemporaryError, "SlowDown"),
        (500, "InternalError", TemporaryError, "InternalError"),
    ],
)
def test_what_the_server_refuses(server, status, code, error, said):
    server.answers = [(status, code, b"")]
    with pytest.raises(error, match=said), sources.opened("s3://bucket/t.csv", storage=server.storage):
        pass


def test_a_server_that_fails_for_a_while_is_asked_again(server):
    server.answers = [(503, "SlowDown", b""), (500, "InternalError", b""), (200, None, CSV)]
    with sources.opened("s3://bucket/t.csv", storage=server.storage) as paths:
        assert paths[0].read_bytes() == CSV


def test_a_cut_off_body_is_never_taken_for_the_object(server):
    server.cut = 10
    with pytest.raises(TemporaryError), sources.opened("s3://bucket/t.csv", storage=server.storage):
        pass


def test_an_empty_object(server):
    server.answers = [(200, None, b"")]
    with pytest.raises(DataError, match="empty"), sources.opened("s3://bucket/t.csv", storage=server.storage):
        pass


def test_no_server_and_no_credentials(server, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(AccessError, match="no S3 credentials"):
        sources.fingerprint("s3://bucket/t.csv", storage=server.storage)


def test_a_server_that_is_not_there(server):
    closed = server.storage.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    with pytest.raises(TemporaryError, match="cannot be reached"), sources.opened("s3://bucket/t.csv", storage=closed):
        pass


def test_an_endpoint_that_is_no_address(server):
    wrong = server.storage.model_copy(update={"endpoint": "minio:9000"})
    with pytest.raises(SettingsError, match=r"s3://bucket/t\.csv"), sources.opened("s3://bucket/t.csv", storage=wrong):
        pass
