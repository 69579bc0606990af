"""What a worker says last: it fits, it can be read, and no text of a row is in it."""

import json
import random

import pytest

from thinksafe.errors import DataError, SettingsError
from thinksafe.stages import words

DIGESTS = {f"responses-{i}": f"{i:064x}" for i in range(28)}


def test_an_error_that_is_not_ours_is_told_by_its_type_alone():
    told = words.fitted({**words.of_error(ValueError("a row's text")), "stage": "filter"})
    assert "a row's text" not in told
    assert json.loads(told)["message"] == "ValueError" and json.loads(told)["code"] == 1


def test_short_words_are_told_whole():
    told = {**words.of_error(None), "artifacts": {"prompts": "d" * 64}, "counts": {"rows": 3}}
    assert json.loads(words.fitted(told)) == told


def test_digests_are_cut_before_anything_is_dropped():
    told = {**words.of_error(None), "artifacts": {f"{n}-{'x' * 60}": d for n, d in DIGESTS.items()}, "held": ["a"]}
    said = json.loads(words.fitted(told))
    assert said["held"] == ["a"] and {len(d) for d in said["artifacts"].values()} == {16}
    assert said["artifacts"].keys() == told["artifacts"].keys()


def test_a_gate_with_many_failed_rules_is_told_with_fewer_words_but_told():
    row = {"kind": "harmful", "benchmark": "b" * 30, "base": 0.123456, "aligned": 0.123456}
    where = {"report": "s3://bucket/" + "r" * 200, "adapter": None, "artifacts": {"report": "d" * 64}}
    gate = {"passed": False, "failed": ["s" * 200] * 32}
    said = json.loads(words.fitted({**words.of_error(None), "gate": gate, "results": [row] * 12, **where}))
    assert said["gate"]["passed"] is False and said["gate"]["failed"] == ["s" * 100] * 8
    assert said["results"] == [row] * 12 and said["report"] == where["report"]


@pytest.mark.parametrize("seed", range(20))
def test_words_of_any_length_fit_and_keep_code_reason_and_stage(seed):
    draw = random.Random(seed)

    def text(most):
        return "".join(chr(draw.randrange(*draw.choice(((32, 127), (0x4E00, 0x9FFF))))) for _ in range(most))

    error = SettingsError(text(draw.randrange(9000)), reason="DiskFull", hint=text(draw.randrange(9000)))
    told = {
        **words.of_error(error),
        "stage": "evaluate",
        "artifacts": {f"{i}": "d" * 64 for i in range(draw.randrange(80))},
        "gate": {"passed": False, "failed": [text(200) for _ in range(draw.randrange(40))]},
        "results": [{"benchmark": text(30)} for _ in range(draw.randrange(40))],
        "counts": {str(i): i for i in range(draw.randrange(20))},
    }
    line = words.fitted(told)
    said = json.loads(line)
    assert len(line.encode()) <= words.BYTES and "\n" not in line
    assert (said["code"], said["reason"], said["stage"]) == (78, "DiskFull", "evaluate")


def test_the_last_words_are_in_the_log_and_on_the_last_line(capsys, tmp_path, monkeypatch):
    log = tmp_path / "termination"
    log.touch()
    monkeypatch.setenv("THINKSAFE_TERMINATION_LOG", str(log))
    assert words.leave({**words.of_error(DataError("x", hint="y")), "stage": "s"}) == 65
    said = capsys.readouterr()
    assert json.loads(log.read_text()) == json.loads(said.out.splitlines()[-1])
    assert json.loads(log.read_text())["reason"] == "Data" and said.err == "thinksafe: x. y\n"


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("THINKSAFE_TERMINATION_LOG", str(tmp_path))
    assert words.leave({**words.of_error(None), "stage": "s"}) == 0
