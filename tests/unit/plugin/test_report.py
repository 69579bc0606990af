"""The report out of the store, to where it was asked for."""

import json
import re
from pathlib import Path

import pytest
from rich.console import Console
from unit.plugin import samples
from unit.plugin.cluster import Cluster

from thinksafe.errors import AccessError, DataError, SettingsError, TemporaryError, ThinkSafeError, UsageError
from thinksafe.plugin import compare, stored
from thinksafe.plugin.report import report
from thinksafe.spec import Storage

PAGE = b"<html>\xc3\xa9</html>"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """A run whose report is in a folder of this machine; the current folder is another."""
    folder = tmp_path / "a store"
    folder.mkdir()
    (folder / "index.html").write_bytes(PAGE)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return samples.succeeded(report=(folder / "index.html").as_uri())


def fetch(run: dict, *, output: str | None = None, browse: bool = False, **where: str) -> None:
    place = {"endpoint": None, "region": None, **where}
    report(Cluster(run), "qwen3-8b", Console(quiet=True), output=output, browse=browse, **place)


def test_into_the_current_folder_under_the_runs_name(run: dict) -> None:
    fetch(run)
    assert Path("qwen3-8b-report.html").read_bytes() == PAGE


def test_into_a_file_or_to_standard_output(run: dict, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    fetch(run, output="page.html")
    assert Path("page.html").read_bytes() == PAGE
    fetch(run, output="-")
    assert capfdbinary.readouterr().out == PAGE


def test_open_shows_it_in_the_browser_and_leaves_the_folder_alone(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda uri: opened.append(uri) or True)
    fetch(run, browse=True)
    assert list(Path().iterdir()) == []
    assert Path(opened[0].removeprefix("file://")).read_bytes() == PAGE


def test_without_a_browser_it_says_where_the_report_is(run: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda uri: False)
    with pytest.raises(ThinkSafeError, match="no browser") as told:
        fetch(run, output="page.html", browse=True)
    assert "page.html" in told.value.hint


def test_what_cannot_be(run: dict) -> None:
    with pytest.raises(UsageError, match="standard output"):
        fetch(run, output="-", browse=True)
    with pytest.raises(SettingsError, match="cannot be written"):
        fetch(run, output="no/such/folder/page.html")
    with pytest.raises(DataError, match="no report yet: it is Failed at train"):
        fetch(samples.failed())
    with pytest.raises(SettingsError, match="not an http"):
        fetch(samples.succeeded(), endpoint="localhost:9000")


def test_a_folder_that_only_the_workers_have(run: dict) -> None:
    with pytest.raises(DataError, match=r"cannot be read on this machine.*folder of its workers"):
        fetch(samples.succeeded(report="file:///nowhere/r/index.html"))


class Store:
    """Takes what a real one would be opened with."""

    opened: Storage

    def __init__(self, storage: Storage, error: ThinkSafeError | None = None) -> None:
        Store.opened, self.error = storage, error

    def get(self, key: str) -> bytes:
        if self.error:
            raise self.error
        return key.encode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [({}, ("https://in.cluster", "eu-1")), ({"endpoint": "http://l:9", "region": "r"}, ("http://l:9", "r"))],
)
def test_the_store_is_the_runs_unless_said_otherwise(monkeypatch, given: dict, expected: tuple) -> None:
    monkeypatch.setattr("thinksafe.artifacts.store.open_store", lambda storage, patience: Store(storage))
    run = samples.succeeded()
    run["spec"]["storage"] = {"uri": "s3://lab/runs", "endpoint": "https://in.cluster", "region": "eu-1"}
    assert stored.read(run, "index.html", **given) == b"index.html"
    assert Store.opened.uri == "s3://lab/runs/runs/alignment/qwen3-8b/uid-of-qwen3-8b"
    assert (Store.opened.endpoint, Store.opened.region) == expected
    assert Store.opened.credentials_secret is None, "the credentials are the user's own"


@pytest.mark.parametrize(
    ("error", "hint"),
    [(AccessError("403", hint="for workers"), "AWS_PROFILE"), (TemporaryError("gone"), "port-forward")],
)
def test_a_store_that_refuses_says_what_a_user_can_do(monkeypatch, error: ThinkSafeError, hint: str) -> None:
    monkeypatch.setattr("thinksafe.artifacts.store.open_store", lambda storage, patience: Store(storage, error))
    with pytest.raises(type(error)) as told:
        stored.read(samples.succeeded(), "index.html")
    assert hint in told.value.hint and "workers" not in told.value.hint


@pytest.mark.parametrize("content", ["not json", json.dumps({"schema": "thinksafe.dev/summary/v2"})])
def test_a_summary_that_is_none_is_told(run: dict, tmp_path: Path, content: str) -> None:
    (tmp_path / "a store" / "summary.json").write_text(content)
    with pytest.raises(DataError, match=re.escape("summary.json")):
        compare.summary(run, None, None)
