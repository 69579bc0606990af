"""What judges a disturbed run must itself see what is wrong: no cluster is needed for that."""

import pytest
from e2e.committed import wrong_rows
from e2e.ledger import Ledger

from thinksafe_operator.names import LABEL_RUN, LABEL_STAGE

RESPONSES = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
ANSWERS = [("bench", "x", 0), ("bench", "y", 0)]


def job(name: str, uid: str, *, stage: str = "train", finished: str = "") -> dict:
    labels = {LABEL_RUN: "run", LABEL_STAGE: stage}
    conditions = [{"type": finished, "status": "True"}] if finished else []
    return {"metadata": {"name": name, "uid": uid, "labels": labels}, "status": {"conditions": conditions}}


def test_a_job_of_a_name_that_was_there_before_is_seen():
    ledger = Ledger()
    ledger.put(job("train-1", "u1"))
    ledger.put(job("train-1", "u1", finished="Complete"))
    assert ledger.made_twice() == []
    ledger.drop(job("train-1", "u1"))
    ledger.put(job("train-1", "u2"))
    assert ledger.made_twice() == ["train-1"]


@pytest.mark.parametrize("finished", ["Complete", "Failed"])
def test_one_job_after_the_other_is_no_clash(finished):
    ledger = Ledger()
    ledger.put(job("train-1", "u1"))
    ledger.put(job("train-1", "u1", finished=finished))
    ledger.put(job("train-2", "u2"))
    ledger.put(job("report-1", "u3", stage="report"))
    assert ledger.clashes == []
    assert ledger.made_of("train") == ["train-1", "train-2"]


def test_two_jobs_alive_for_one_stage_are_a_clash():
    ledger = Ledger()
    ledger.put(job("train-1", "u1"))
    ledger.put(job("train-2", "u2"))
    ledger.put(job("train-2", "u2"))
    assert ledger.clashes == [("train-1", "train-2")]


def test_what_went_in_a_gap_is_no_clash():
    ledger = Ledger()
    ledger.put(job("train-1", "u1"))
    ledger.replace([job("train-2", "u2")])
    assert ledger.clashes == []
    ledger.replace([job("train-2", "u2"), job("train-3", "u3")])
    assert ledger.clashes == [("train-2", "train-3")]


def rows(**other: list[tuple]) -> dict[str, list[tuple]]:
    there = {
        "prompts": [("a",), ("b",)],
        "problems": [("bench", "x"), ("bench", "y")],
        "responses": RESPONSES,
        "scores": RESPONSES,
        "dataset": [("a", 1)],
        "perplexity": [("a",)],
        "answers": ANSWERS,
        "verdicts": ANSWERS,
    }
    return {f"artifacts/{kind}/digest": all_ for kind, all_ in {**there, **other}.items()}


def test_whole_rows_are_not_blamed():
    assert wrong_rows(rows()) == []


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("prompts", [("a",), ("b",), ("b",)]),
        ("responses", [*RESPONSES, ("b", 1)]),  # doubled
        ("responses", RESPONSES[:2]),  # a prompt without any
        ("responses", [*RESPONSES[:2], ("b", 1)]),  # the sample in between is not there
        ("responses", [*RESPONSES, ("c", 0)]),  # nobody asked
        ("scores", RESPONSES[1:]),
        ("dataset", [("a", 2)]),
        ("answers", ANSWERS[1:]),
        ("answers", [*ANSWERS, ANSWERS[0]]),
        ("verdicts", ANSWERS[1:]),
    ],
)
def test_a_wrong_row_is_blamed(kind, changed):
    assert wrong_rows(rows(**{kind: changed})) != []
