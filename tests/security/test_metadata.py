"""An instance's metadata: no run gets there, neither by its address nor by a name or a redirect that leads to it."""

import functools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from api.runs import SMALLEST, Refused, Runs, manifest

from thinksafe import addresses
from thinksafe.errors import SettingsError
from thinksafe.manifest import parse
from thinksafe.stages import reach

HOSTS = [
    "169.254.169.254", "169.254.170.2", "2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "0251.0376.0251.0376",
    "169.254.43518", "169.16689662", "169.254.169.254.", "user@169.254.169.254", "[fd00:ec2::254]",
    "[FD00:0ec2:0::0254]", "[fd20:ce::254]", "[fe80::1]", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "metadata.google.internal", "Metadata.Google.Internal.",
    "metadata.goog", "100.100.100.200", "168.63.129.16",
]  # fmt: skip
HARMLESS = ["s3", "s3.example.com:9000", "10.0.0.1", "[2001:db8::1]:9000", "169.25.4.1", "s3-169.254.example"]


def at(host: str) -> dict:
    return {**SMALLEST, "storage": {"uri": "s3://bucket", "endpoint": f"http://{host}/"}}


@pytest.mark.parametrize("host", HOSTS)
def test_an_endpoint_there_is_refused_by_both_judges(tenants: dict[str, Runs], host: str):
    with pytest.raises(Refused, match=r"spec\.storage\.endpoint: .*metadata") as caught:
        tenants["everything"].try_create(manifest("bad", at(host)))
    assert caught.value.code == 422
    with pytest.raises(SettingsError, match=r"spec\.storage\.endpoint: .*metadata"):
        parse(manifest("bad", at(host)), where="bad")


@pytest.mark.parametrize("host", HARMLESS)
def test_another_endpoint_is_not(tenants: dict[str, Runs], host: str):
    tenants["everything"].try_create(manifest("good", at(host)))
    parse(manifest("good", at(host)), where="good")


@pytest.mark.parametrize("uri", ["http://169.254.169.254/latest/meta-data", "https://metadata.google.internal/x"])
def test_a_prompt_source_on_the_web_is_refused_by_both_judges(tenants: dict[str, Runs], uri: str):
    spec = {**SMALLEST, "prompts": [{"source": uri}]}
    with pytest.raises(Refused, match=r"spec\.prompts\[0\]\.source"):
        tenants["everything"].try_create(manifest("bad", spec))
    with pytest.raises(SettingsError, match=r"spec\.prompts\[0\]\.source"):
        parse(manifest("bad", spec), where="bad")


# What a resolver answers for a name that points there; the name has no meaning outside of this test.
_RESOLVED = """
import socket
real = socket.getaddrinfo
def resolve(host, port, *args, **kwargs):
    return real("169.254.169.254" if host == "innocent.example" else host, port, *args, **kwargs)
socket.getaddrinfo = resolve
"""
_WORKER = """
from thinksafe.stages import reach
reach.keep_away()
from thinksafe.errors import ThinkSafeError
from thinksafe.spec import Storage
storage = Storage(uri="s3://bucket/x", endpoint="http://innocent.example:9000")
try:
    {action}
except ThinkSafeError as error:
    print(error.code, error.reason, error)
else:
    print("connected")
"""
ACTIONS = {
    "store": "from thinksafe.artifacts.store import open_store; open_store(storage).get('key')",
    "prompts": "from pathlib import Path; from thinksafe.prompts import s3; "
    "s3.download('s3://bucket/p.csv', Path('/tmp'), storage)",
    "data set": "from thinksafe.prompts import hub; hub.locate('hf://a/b', None, 'train')",
    "model": "from thinksafe import models; models.local_path('a/b')",
}


def outcome(action: str, **env: str) -> str:
    """What a process of a worker prints that keeps away, where one name resolves to the metadata address."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s", "THINKSAFE_SCRATCH": "/nowhere", "NO_PROXY": "*"}
    clean = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy") and k != "HF_HUB_OFFLINE"}
    given = reach.surroundings({**clean, **keys, **env})
    done = subprocess.run(
        [sys.executable, "-c", _RESOLVED + _WORKER.format(action=action)], env=given, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    return done.stdout.strip() or done.stderr[-2000:]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("what", ACTIONS)
def test_a_name_that_leads_there_is_refused_before_the_connection(what: str, tmp_path):
    """The storage's endpoint, for artifacts and for prompts; the hub's, for data sets and for models."""
    told = outcome(ACTIONS[what], HF_ENDPOINT="http://innocent.example", HF_HOME=str(tmp_path))
    assert told.startswith("78 ForbiddenAddress a connection to 169.254.169.254 is refused"), told


@pytest.mark.timeout(120)
def test_a_worker_keeps_away_in_every_process(tmp_path):
    """The command that runs in a pod: what it says last is why, and that no retry helps."""
    (tmp_path / "sitecustomize.py").write_text(_RESOLVED)
    (tmp_path / "run.yaml").write_text(json.dumps(manifest("run", SMALLEST)))
    env = {
        **{k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        "AWS_ENDPOINT_URL_S3": "http://innocent.example", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
        "THINKSAFE_SCRATCH": str(tmp_path / "scratch"), "PYTHONPATH": str(tmp_path),
    }  # fmt: skip
    command = ["worker", "prepare", str(tmp_path / "run.yaml"), "--uid", "u", "--store", "s3://bucket/x"]
    python = [sys.executable, "-m", "thinksafe"]
    done = subprocess.run([*python, *command], env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 78, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["reason"] == "ForbiddenAddress"


@pytest.fixture
def evil_hub() -> Iterator[str]:
    """A hub that knows one data set and sends whoever asks for its file to the metadata address."""
    handler = functools.partial(_Hub)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Hub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if "/api/" in self.path:
            body = json.dumps({"id": "a/b", "sha": "0" * 40, "siblings": [{"rfilename": "train.csv"}]}).encode()
            self.send_response(200)
        else:
            body = b""
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data/iam/security-credentials/role")
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("X-Linked-Etag", '"e"')
            self.send_header("X-Linked-Size", "100")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.mark.timeout(120)
def test_a_redirect_that_leads_there_is_refused_before_the_connection(evil_hub: str, tmp_path):
    get = "from thinksafe.prompts import hub; hub.download(hub.locate('hf://a/b', None, 'train'), 'hf://a/b')"
    told = outcome(get, HF_ENDPOINT=evil_hub, HF_HOME=str(tmp_path))
    assert told.startswith("78 ForbiddenAddress a connection to 169.254.169.254 is refused"), told


def test_a_worker_does_not_take_the_nodes_identity(tmp_path):
    """Without credentials of its own it has none: it does not ask the instance for some."""
    own = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_CONFIG_FILE": "/x", "HOME": str(tmp_path)}
    action = "from thinksafe.artifacts.store import open_store; open_store(Storage(uri='s3://bucket')).get('key')"
    told = outcome(action, AWS_SHARED_CREDENTIALS_FILE="/x", **own)
    assert told.startswith("77 NoCredentials"), told
    told = outcome(action, AWS_SHARED_CREDENTIALS_FILE="/x", AWS_EC2_METADATA_DISABLED="false", **own)
    assert told.startswith("78 ForbiddenAddress"), told


def test_a_containers_own_identity_is_let_through():
    """Pod Identity has a link-local address too: where it is in use, that one alone is reached."""
    connect = "import socket; socket.create_connection(('{}', 1), 0.2)"
    for host, given, refused in [
        ("169.254.170.23", {}, True),
        ("169.254.170.23", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}, False),
        ("169.254.169.254", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}, True),
    ]:
        told = outcome(connect.format(host), **given)
        assert ("ForbiddenAddress" in told) is refused, (host, given, told)


def test_the_hubs_fast_transfer_is_for_the_public_hub_alone():
    """It connects outside of Python, to where the hub says, so nothing could be seen of it."""
    pod = {"THINKSAFE_SCRATCH": "/scratch"}
    assert reach.surroundings({**pod, "HF_ENDPOINT": "http://hub"})["HF_HUB_DISABLE_XET"] == "1"
    assert "HF_HUB_DISABLE_XET" not in reach.surroundings(pod)


def test_on_one_machine_its_owner_decides():
    assert reach.surroundings({"A": "b", "HF_ENDPOINT": "http://hub"}) == {"A": "b", "HF_ENDPOINT": "http://hub"}


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%eth0", "fd00:ec2::254"])
def test_numeric_addresses_as_sockets_have_them(address: str):
    assert addresses.is_forbidden(address)
    assert not addresses.is_forbidden("10.0.0.1")
