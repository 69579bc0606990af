"""A worker's environment in a pod with a read-only root and a user id that no one knows."""

import os

import pytest

from thinksafe.stages.surroundings import surroundings


def test_what_can_be_written_is_made(tmp_path):
    env = {"THINKSAFE_SCRATCH": f"{tmp_path}/s", "HOME": f"{tmp_path}/s/home", "TMPDIR": f"{tmp_path}/s/tmp"}
    made = surroundings(env)
    assert made | env == made
    assert os.access(made["HOME"], os.W_OK) and os.access(made["TMPDIR"], os.W_OK)


@pytest.mark.parametrize("home", ["", "/proc/nowhere"])
def test_a_home_that_cannot_be_written_is_replaced(tmp_path, home):
    made = surroundings({"THINKSAFE_SCRATCH": str(tmp_path), "HOME": home, "TMPDIR": "/proc/tmp"})
    assert (made["HOME"], made["TMPDIR"]) == (f"{tmp_path}/home", f"{tmp_path}/tmp")
    assert os.access(made["HOME"], os.W_OK) and os.access(made["TMPDIR"], os.W_OK)


def test_without_scratch_nothing_is_moved():
    assert {k: v for k, v in surroundings({"HOME": "/root"}).items() if k != "TQDM_DISABLE"} == {"HOME": "/root"}


def test_a_user_id_without_a_name_gets_one(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: 3_000_000)
    assert surroundings({})["USER"] == "thinksafe"
    assert surroundings({"LOGNAME": "me"}).get("USER") is None
