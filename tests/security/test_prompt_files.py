"""Files that somebody else made: no name leads out of the folder, nothing is unpacked, no cell is endless."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from thinksafe.artifacts.store import check_key
from thinksafe.errors import DataError, SettingsError, ThinkSafeError
from thinksafe.prompts import hub, s3, sources, tables
from thinksafe.spec import Storage

CSV = b"prompt,label\nhello,benign\n"


class _Server(BaseHTTPRequestHandler):
    """A hub whose one data set has a file with such a name, and an S3 server that has every object."""

    name = ""

    def do_GET(self) -> None:
        listing = {"id": "a/b", "sha": "0" * 40, "siblings": [{"rfilename": self.name}]}
        body = json.dumps(listing).encode() if "/api/" in self.path else CSV
        self.send_response(200)
        for header, value in (("X-Repo-Commit", "0" * 40), ("ETag", '"e"'), ("Content-Length", str(len(body)))):
            self.send_header(header, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def server(monkeypatch, tmp_path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}"
        monkeypatch.setenv("HF_ENDPOINT", url)
        monkeypatch.setenv("NO_PROXY", "*")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        yield url
        running.shutdown()


def outside(folder: Path, inside: Path) -> list[Path]:
    return [f for f in folder.rglob("*.csv") if not f.resolve().is_relative_to(inside)]


@pytest.mark.parametrize("name", ["../../../../evil.csv", "/tmp/thinksafe-evil.csv", "a/../../../../../evil.csv"])
def test_a_name_of_the_hub_does_not_lead_out_of_the_cache(server, monkeypatch, tmp_path, name: str):
    monkeypatch.setattr(_Server, "name", name)
    home = tmp_path / "home"
    try:
        found = hub.download(hub.Located("a/b", "0" * 40, (name,)), "hf://a/b")
    except (ThinkSafeError, ValueError, OSError):
        found = []
    assert all(f.is_relative_to(home) and ".." not in f.parts for f in found)
    assert outside(tmp_path, home) == []
    assert not Path("/tmp/thinksafe-evil.csv").exists()


@pytest.mark.parametrize("key", ["../../evil.csv", "a/../../evil.csv", "a/%2e%2e/evil.csv", "/etc/evil.csv"])
def test_a_key_of_s3_does_not_lead_out_of_the_folder(server, tmp_path, key: str):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    assert s3.download(f"s3://bucket/{key}", folder, Storage(uri="s3://bucket", endpoint=server)).parent == folder
    assert outside(tmp_path, folder) == []


@pytest.mark.parametrize("key", ["a/..", "..", "a/"])
def test_a_key_that_is_no_name_is_refused(server, tmp_path, key: str):
    with pytest.raises(SettingsError, match="not of the form"):
        s3.download(f"s3://bucket/{key}", tmp_path, Storage(uri="s3://bucket", endpoint=server))


@pytest.mark.parametrize("key", ["../x", "a/../x", "/x", "a//x", "a/./x"])
def test_a_key_of_the_store_does_not_lead_out_of_it(key: str):
    with pytest.raises(ValueError, match="not a key"):
        check_key(key)


@pytest.mark.parametrize("name", ["p.zip", "p.csv.gz", "p.tar", "p.parquet.zst", "p.pkl", "p.py", "p.npy", "p.arrow"])
def test_nothing_is_unpacked_or_run(tmp_path, name: str):
    (tmp_path / name).write_bytes(CSV)
    with pytest.raises(DataError) as caught:
        list(tables.rows([tmp_path / name], name))
    assert caught.value.reason == "UnknownFileKind"


def test_an_endless_cell_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "LONGEST_CELL", 1000)
    (tmp_path / "p.csv").write_text('prompt\n"' + "x" * 2000 + '"\n')
    with pytest.raises(DataError, match="field larger than field limit"):
        list(tables.rows([tmp_path / "p.csv"], "p.csv"))


def test_a_data_sets_own_code_is_no_file_of_it():
    with pytest.raises(SettingsError, match="no file of the split"):
        hub.choose(["b.py", "b.pkl", "loader.py"], "", "train", "hf://a/b")


def test_a_file_of_another_machine_is_not_read():
    with pytest.raises(SettingsError, match="another machine"):
        sources.local_files("file://169.254.169.254/latest/p.csv")
