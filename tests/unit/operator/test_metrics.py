"""What is counted, once each, and that no label can grow without bound."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from prometheus_client.registry import CollectorRegistry

from thinksafe_operator import metrics


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def stage(name="train", state="Running", **more):
    return {"name": name, "state": state, "attempt": 1, **more}


def counted(old, new, name, **labels):
    """By how much a counter grows with this transition."""
    before = value(name, **labels)
    metrics.count_transition({"stages": [old] if old else []}, {"stages": [new]})
    return value(name, **labels) - before


@pytest.mark.parametrize("outcome", ["Succeeded", "Cached"])
def test_a_stage_that_ends_is_counted_once(outcome):
    labels = {"stage": "train", "outcome": outcome, "reason": ""}
    ended = stage(state=outcome)
    assert counted(stage(), ended, "thinksafe_stages_total", **labels) == 1
    assert counted(ended, ended, "thinksafe_stages_total", **labels) == 0


def test_a_failure_is_counted_with_its_reason():
    failed = stage(state="Failed", lastFailure={"reason": "OutOfMemory"})
    labels = {"stage": "train", "outcome": "Failed", "reason": "OutOfMemory"}
    assert counted(stage(), failed, "thinksafe_stages_total", **labels) == 1


def test_attempts_after_the_first_are_retries():
    labels = {"stage": "train", "reason": "OutOfMemory"}
    failure = {"lastFailure": {"reason": "OutOfMemory"}}
    assert counted(None, stage(attempt=1), "thinksafe_stage_retries_total", stage="train", reason="") == 0
    assert counted(stage(attempt=1), stage(attempt=2, **failure), "thinksafe_stage_retries_total", **labels) == 1
    assert counted(stage(attempt=2), stage(attempt=2, **failure), "thinksafe_stage_retries_total", **labels) == 0


def test_tokens_and_gpu_seconds_are_counted_by_what_they_grew():
    def of(**spent):
        return stage("generate", **spent)

    assert counted(of(tokens=100), of(tokens=250), "thinksafe_tokens_total", stage="generate") == 150
    assert counted(of(tokens=250), of(tokens=100), "thinksafe_tokens_total", stage="generate") == 0
    assert counted(None, of(gpuSeconds=1.5), "thinksafe_gpu_seconds_total", stage="generate") == 1.5


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_what_a_stage_of_several_artifacts_took_is_counted_once(name):
    """It tells of each artifact from zero, and of all together at its end."""
    told = [stage(name, tokens=n) for n in (0, 1832, 0, 1828)] + [stage(name, "Succeeded", tokens=3660)] * 2
    steps = itertools.pairwise(told)
    assert sum(counted(old, new, "thinksafe_tokens_total", stage=name) for old, new in steps) == 3660


def test_a_rung_of_the_ladder_counts_with_its_stage():
    assert counted(None, stage("generate-3", tokens=5), "thinksafe_tokens_total", stage="generate") == 5


def test_guard_decisions():
    kept, dropped = (value("thinksafe_guard_decisions_total", decision=d) for d in ("kept", "dropped"))
    metrics.count_transition({}, {"kept": 30, "judged": 40})
    metrics.count_transition({"kept": 30, "judged": 40}, {"kept": 30, "judged": 40})
    assert value("thinksafe_guard_decisions_total", decision="kept") == kept + 30
    assert value("thinksafe_guard_decisions_total", decision="dropped") == dropped + 10


def test_the_time_of_a_stage():
    times = {"startTime": "2026-11-24T10:00:00Z", "completionTime": "2026-11-24T10:01:30Z"}
    name = "thinksafe_stage_duration_seconds_sum"
    assert counted(stage(), stage(state="Succeeded", **times), name, stage="train") == 90


@given(st.text(max_size=30), st.text(max_size=60))
def test_no_text_becomes_a_label(name, reason):
    failed = {"state": "Failed", "attempt": 2, "lastFailure": {"reason": reason}, "tokens": 1}
    metrics.count_transition({}, {"stages": [{"name": name, **failed}]})
    for family in REGISTRY.collect():
        for sample in family.samples:
            if family.name.startswith("thinksafe"):
                assert sample.labels.get("stage", "train") in ("other", *metrics._STAGES)
                assert re.fullmatch(r"[A-Za-z]{0,40}", sample.labels.get("reason", ""))


def test_reasons_cannot_become_many(monkeypatch):
    monkeypatch.setattr(metrics, "_reasons", set())
    words = {metrics.reason_label(f"Reason{'x' * n}") for n in range(30)}
    words |= {metrics.reason_label(f"{a}{b}") for a in "abcdefghij" for b in "klmnopqrst"}
    assert len(words) == metrics._MOST_REASONS + 1 and "Other" in words


def test_what_is_so_now_holds_nothing_of_what_was():
    phases = ["Running", "Running", "Succeeded", "Nonsense"]
    registry = CollectorRegistry()
    registry.register(
        metrics.Live(phases=lambda: phases, depth=lambda: 3, oldest=lambda: 1.5, silence=lambda: {"jobs": 2.0})
    )

    def runs(phase):
        return registry.get_sample_value("thinksafe_runs", {"phase": phase})

    assert (runs("Running"), runs("Succeeded"), runs("Failed"), runs("Unknown")) == (2, 1, 0, 1)
    assert registry.get_sample_value("thinksafe_queue_depth") == 3
    assert registry.get_sample_value("thinksafe_watch_silence_seconds", {"watch": "jobs"}) == 2
    phases.clear()
    assert runs("Running") == 0


def test_no_metric_is_labelled_by_what_has_no_bound():
    named = [c for c in vars(metrics).values() if hasattr(c, "_labelnames")]
    assert len(named) > 5
    bounded = {"verb", "code", "result", "stage", "outcome", "reason", "decision"}
    assert {label for c in named for label in c._labelnames} <= bounded
