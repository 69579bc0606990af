"""Data sets of the hub: which files make a split, offline from the cache, and the hub's refusals as our errors."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from huggingface_hub import constants

from thinksafe.errors import AccessError, SettingsError, TemporaryError
from thinksafe.prompts import formats, hub, sources
from thinksafe.spec import PromptSource

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO = "org/name"


@pytest.mark.parametrize(
    ("files", "inside", "split", "chosen"),
    [
        (["README.md", "data.json"], "", "train", ["data.json"]),
        (["x.py", "data/train-00001-of-00002.parquet", "data/train-00000-of-00002.parquet", "data/test-0.parquet"], "",
         "train", ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]),
        (["main/test-0.parquet", "socratic/test-0.parquet"], "main", "test", ["main/test-0.parquet"]),
        (["train/train.tsv", "eval/eval.tsv"], "eval/eval.tsv", "train", ["eval/eval.tsv"]),
        (["train/train.tsv", "eval/eval.tsv"], "", "train", ["train/train.tsv"]),
        (["test.jsonl", "README.md"], "", "test", ["test.jsonl"]),
        (["a.csv", "dataset_infos.json", ".hidden.csv", "x/.y.csv"], "", "train", ["a.csv"]),
        (["contest.csv"], "", "train", ["contest.csv"]),
    ],
)  # fmt: skip
def test_the_files_of_a_split(files, inside, split, chosen):
    assert hub.choose(files, inside, split, "hf://o/n") == chosen


@pytest.mark.parametrize(
    ("files", "split", "said"),
    [
        (["main/test-0.parquet", "socratic/test-0.parquet"], "test", "several sets"),
        (["train.csv", "train.jsonl"], "train", "several sets"),
        (["a/x.csv", "b/y.csv"], "train", "several sets"),
        (["test.csv"], "train", "no file of the split 'train'"),
        (["train.csv"], "test", "no file of the split 'test'"),
        (["README.md", "load.py"], "train", "no file"),
    ],
)
def test_what_is_not_clear_is_refused(files, split, said):
    with pytest.raises(SettingsError, match=said):
        hub.choose(files, "", split, "hf://o/n")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A hub cache with one data set at one commit, and no network allowed."""
    root = tmp_path / "datasets--org--name"
    snapshot = root / "snapshots" / COMMIT
    (snapshot / "data").mkdir(parents=True)
    (root / "refs").mkdir()
    (root / "refs" / "main").write_text(COMMIT)
    (snapshot / "load.py").write_text("raise SystemExit('code of the hub was run')")
    row = {"instruction": "q", "label": "vanilla_harmful", "response": "r"}
    (snapshot / "data" / "train.jsonl").write_text(json.dumps(row))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub._snapshot_download.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_offline_the_cache_is_read_and_no_code_is_run(cache, revision):
    source = PromptSource(source=f"hf://{REPO}", revision=revision, format="safechain")
    assert [p.text for p in formats.load(source, seed=0)] == ["q"]
    expected = f"hf:{REPO}@{COMMIT}:data/train.jsonl"
    assert sources.fingerprint(f"hf://{REPO}", revision=revision) == expected


@pytest.mark.parametrize(("repo", "revision"), [("org/other", None), (REPO, "f" * 40), (REPO, "branch")])
def test_what_is_not_in_the_cache_is_said_so(cache, repo, revision):
    with pytest.raises(SettingsError, match="not in the hub's cache") as caught:
        sources.fingerprint(f"hf://{repo}", revision=revision)
    assert caught.value.reason == "NotCached"
    assert "HF_HUB_OFFLINE" in caught.value.line()


class Hub(BaseHTTPRequestHandler):
    """Answers every question with the status, the headers and the body it was given."""

    answer = (200, {}, b"")

    def do_GET(self):
        status, headers, body = type(self).answer
        if "/resolve/" in self.path and status == 200:
            body = b'{"instruction": "q", "label": "vanilla_benign", "response": "r"}'
            headers = {"X-Repo-Commit": COMMIT, "ETag": '"e"'}
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format, *args):
        pass


@pytest.fixture
def online(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


def test_a_branch_is_resolved_to_its_commit(online, monkeypatch):
    info = {"id": REPO, "sha": COMMIT, "siblings": [{"rfilename": "train.jsonl"}, {"rfilename": "load.py"}]}
    monkeypatch.setattr(Hub, "answer", (200, {"Content-Type": "application/json"}, json.dumps(info).encode()))
    assert sources.fingerprint(f"hf://{REPO}", revision="main") == f"hf:{REPO}@{COMMIT}:train.jsonl"
    found = formats.load(PromptSource(source=f"hf://{REPO}", revision="main"), seed=0)
    assert [(p.text, p.label) for p in found] == [("q", "benign")]


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        (403, "GatedRepo", AccessError, "gated"),
        (401, "RepoNotFound", SettingsError, "no such data set"),
        (404, "RepoNotFound", SettingsError, "no such data set"),
        (404, "RevisionNotFound", SettingsError, "no revision"),
        (403, None, AccessError, "refuses access"),
        (400, None, TemporaryError, "answers 400"),
    ],
)
def test_the_hubs_refusals(online, monkeypatch, status, code, error, said):
    monkeypatch.setattr(Hub, "answer", (status, {"X-Error-Code": code} if code else {}, b""))
    with pytest.raises(error, match=said):
        sources.fingerprint(f"hf://{REPO}", revision="x")


def test_a_hub_that_is_not_there(online, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TemporaryError, match="cannot be reached"):
        sources.fingerprint(f"hf://{REPO}")
