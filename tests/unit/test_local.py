"""How a worker's end becomes what the user is told."""

import json

import pytest

from thinksafe import errors, local
from thinksafe.cli import storage_of
from thinksafe.manifest import parse

WORDS = {"code": 77, "reason": "GatedModel", "message": "x/y: gated", "hint": "Set HF_TOKEN"}


def test_a_worker_that_explained_itself_is_quoted_with_its_code(tmp_path):
    error = local._failure(77, "filter", json.dumps(WORDS), tmp_path / "log")
    assert (type(error), error.code, error.reason) == (errors.AccessError, 77, "GatedModel")
    assert error.line() == "x/y: gated. Set HF_TOKEN"


@pytest.mark.parametrize(("code", "said"), [(-9, "signal 9"), (1, "exit code 1"), (137, "exit code 137")])
def test_a_worker_that_died_without_a_word_points_to_its_log(tmp_path, code, said):
    error = local._failure(code, "train", "", tmp_path / "log")
    assert said in error.line() and str(tmp_path / "log") in error.line() and error.code != 0


@pytest.mark.parametrize(
    ("stage", "node", "told"),
    [("generate", "responses-1", "generate"), ("train", "adapter", "train steps"),
     ("evaluate", "answers-base", "evaluate answers base")],
)  # fmt: skip
def test_progress_says_what_is_counted(stage, node, told):
    assert local._of(stage, node) == told


def test_every_explained_error_has_a_code_of_its_own():
    kinds = [k for k in errors.ThinkSafeError.__subclasses__() if k.__module__ == errors.__name__]
    assert sorted(k.code for k in kinds) == [64, 65, 69, 75, 77, 78, 143]


def manifest(**spec):
    spec = {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}], **spec}
    return parse(
        {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeRun", "metadata": {"name": "a"}, "spec": spec}, "x"
    )


def test_the_command_line_overrides_where_things_are_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert storage_of(manifest(), None).uri == f"file://{tmp_path}/thinksafe-store"
    assert storage_of(manifest(), "here").uri == f"file://{tmp_path}/here"
    kept = manifest(storage={"uri": "s3://b/p", "endpoint": "http://s3"})
    assert storage_of(kept, None).uri == "s3://b/p"
    other = storage_of(kept, "s3://c/d")
    assert (other.uri, other.endpoint) == ("s3://c/d", "http://s3")
    assert storage_of(kept, "file:///x").endpoint is None
