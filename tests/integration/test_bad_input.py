"""A user's mistake, by the real command: one line that names what is wrong and where, and the right exit code."""

import http.server
import json
import shutil
import threading

import pytest
from integration.runs import manifest, thinksafe

from thinksafe import models

ROW = '{"prompt": "how do bees fly", "label": "benign"}\n'


@pytest.fixture
def told(tmp_path):
    """Calls the command and gives exit code and what it said, which must be one line and no traceback."""

    def call(command, file, *options, **env):
        done = thinksafe(command, file, *options, scratch=tmp_path / "scratch", **env)
        said = done.stderr.strip()
        assert "Traceback" not in done.stderr + done.stdout, "a traceback for a user's mistake"
        assert len(said.splitlines()) == 1, f"{len(said.splitlines())} lines"
        return done.returncode, said

    return call


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"file://{path}"


@pytest.mark.parametrize(
    ("spec", "code", "words"),
    [
        ({"trainnig": {}}, 78, ["spec.trainnig", "no such field"]),
        ({"seed": "many"}, 78, ["spec.seed", "integer"]),
        ({"prompts": []}, 78, ["spec.prompts"]),
        ({"prompts": [{"source": "file:///nowhere/x.csv"}]}, 65, ["/nowhere/x.csv"]),
        ({"prompts": [{"source": "ftp://x/y.csv"}]}, 78, ["ftp://"]),
        ({"prompts": [{"source": "tiny://prompts?benign=0&harmful=9"}]}, 65, ["no benign prompt"]),
        ({"prompts": [{"source": "tiny://prompts", "format": "safechian"}]}, 78, ["safechian", "safechain"]),
        ({"evaluation": {"benchmarks": ["gsm9k"]}}, 78, ["gsm9k", "gsm8k"]),
        ({"evaluation": {"benchmarks": ["harmbench-paper"]}}, 78, ["harmbench-paper", "evaluation.sources"]),
        ({"model": {"name": "file:///nowhere/model"}}, 78, ["/nowhere/model", "config.json"]),
        ({"gate": {"rules": [{"kind": "harmful", "benchmark": "xstest", "max": 0.1}]}}, 78, ["gate.rules[0]"]),
    ],
)
def test_validate_finds_it_without_a_model(told, tmp_path, spec, code, words):
    got, said = told("validate", manifest(tmp_path, "bad", **spec))
    assert got == code, said
    for word in words:
        assert word in said


@pytest.mark.parametrize(
    ("name", "content", "code", "words"),
    [
        ("empty.jsonl", "", 65, ["empty.jsonl"]),
        ("cut.jsonl", ROW + '{"prompt": "half', 65, ["cut.jsonl", "2"]),
        ("other.csv", "text,kind\nhello,benign\n", 65, ["other.csv", "text"]),
        ("label.csv", "prompt,label\nhello,benign\nhello you,perhaps\n", 65, ["label.csv", "2", "label"]),
        ("cut.parquet", b"PAR1 this is no whole file", 65, ["cut.parquet"]),
        ("latin.csv", "prompt,label\nh\xe9llo,benign\n".encode("latin-1"), 65, ["latin.csv", "UTF-8"]),
    ],
)
def test_a_bad_file_is_named_with_its_row(told, tmp_path, name, content, code, words):
    source = write(tmp_path, name, content)
    prompts = [{"source": source, "format": "columns", "columns": {"prompt": "prompt", "label": "label"}}]
    got, said = told("validate", manifest(tmp_path, "bad", prompts=prompts))
    assert got in (code, 78) if name == "other.csv" else got == code, said
    for word in words:
        assert word in said


def test_a_missing_manifest_is_a_wrong_use(told, tmp_path):
    assert told("validate", tmp_path / "none.yaml")[0] == 64


def test_a_model_without_a_chat_template_is_refused_before_anything_runs(told, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(models.local_path("tiny://student"), folder)
    (folder / "chat_template.jinja").unlink(missing_ok=True)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    got, said = told("validate", manifest(tmp_path, "bad", model={"name": f"file://{folder}"}))
    assert got == 78 and "chat template" in said


def test_a_guard_whose_label_is_not_one_token_is_refused(tmp_path):
    file = manifest(tmp_path, "bad", guard={"family": "wildguard", "name": "tiny://guard"})
    done = thinksafe("run", file, "--store", tmp_path / "store", scratch=tmp_path / "scratch")
    assert done.returncode == 78, done.stderr
    assert "token" in done.stderr and "Traceback" not in done.stderr


@pytest.fixture
def gated_hub():
    """The hub's answer for a gated model, from a server of our own: the hub itself cannot be reached from a test."""

    class Gated(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(403)
            self.send_header("X-Error-Code", "GatedRepo")
            self.send_header("X-Error-Message", "Access to this model is restricted")
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_HEAD = do_GET

        def log_message(self, format, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Gated)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_gated_model_without_access_says_what_to_do(told, tmp_path, gated_hub):
    file = manifest(tmp_path, "gated", guard={"name": "meta-llama/Llama-Guard-3-8B", "family": "llama-guard-3"})
    got, said = told(
        "run", file, "--store", tmp_path / "store", HF_HUB_OFFLINE="0", HF_ENDPOINT=gated_hub, HF_HOME=str(tmp_path)
    )
    assert got == 77, said
    assert "meta-llama/Llama-Guard-3-8B" in said and "HF_TOKEN" in said


def test_a_bucket_that_does_not_exist_is_named(told, tmp_path, s3_server):
    file = manifest(tmp_path, "bad", storage={"uri": "s3://nowhere/x", "endpoint": s3_server.endpoint})
    got, said = told(
        "run", file, AWS_ACCESS_KEY_ID="thinksafe", AWS_SECRET_ACCESS_KEY="thinksafe-secret", AWS_REGION="us-east-1"
    )
    assert got == 78, said
    assert "nowhere" in said


def test_wrong_credentials_are_no_access(told, tmp_path, s3_server):
    file = manifest(tmp_path, "bad", storage={"uri": "s3://nowhere/x", "endpoint": s3_server.endpoint})
    got, said = told("run", file, AWS_ACCESS_KEY_ID="other", AWS_SECRET_ACCESS_KEY="wrong", AWS_REGION="us-east-1")
    assert got == 77, said
