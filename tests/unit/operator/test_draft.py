"""The working copy of a status: its times, its rates, and what of a stage is remembered."""

from dataclasses import replace

import pytest
from unit.operator.specs import run

from thinksafe_operator.draft import Draft, count, progress_text, rfc3339
from thinksafe_operator.failures import Problem
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Progress

NOW = 1_800_000_000.0
HEARD = Progress("responses-1", 10, 40, 1, 1000, 5.0, 7.26, NOW)


def draft(now=NOW, **stage):
    entry = {"name": "generate", "state": "Running", "attempt": 1, "failures": 0, **stage}
    return Draft(replace(run(), status={"stages": [entry], "startTime": rfc3339(NOW - 500)}), now)


def test_a_draft_does_not_touch_what_was_read():
    made = draft(lastFailure={"time": rfc3339(NOW)})
    made.stages[0]["lastFailure"]["time"] = "changed"
    assert made.run.status["stages"][0]["lastFailure"]["time"] == rfc3339(NOW)


def test_new_stages_wait_and_known_ones_stay_as_they_are():
    made = Draft(draft().run, NOW, ("prepare", "generate", "filter"))
    assert [(s["name"], s["state"]) for s in made.stages] == [
        ("prepare", "Waiting"), ("generate", "Running"), ("filter", "Waiting"),
    ]  # fmt: skip
    assert made.current is made.stages[0]


def test_times_are_whole_seconds_and_never_later_than_they_are():
    assert rfc3339(0.999) == "1970-01-01T00:00:00Z"
    assert draft(NOW + 0.7).since(rfc3339(NOW + 0.7)) == pytest.approx(0.7)


@pytest.mark.parametrize("key", ["progressTime", "startTime"])
def test_a_time_in_the_future_is_now_once_the_clock_was_set_back(key):
    assert draft(**{key: rfc3339(NOW + 9999)}).stages[0][key] == rfc3339(NOW)
    assert draft(**{key: rfc3339(NOW - 5)}).stages[0][key] == rfc3339(NOW - 5)


def test_but_not_in_an_outcome_which_never_changes():
    entry = {"state": "Succeeded", "progressTime": rfc3339(NOW + 9999), "completionTime": rfc3339(NOW + 9999)}
    assert draft(**entry).stages[0]["progressTime"] == rfc3339(NOW + 9999)


def test_the_pause_after_a_failure_starts_anew_when_the_clock_was_set_back():
    made = draft(lastFailure={"time": rfc3339(NOW + 9999)})
    assert made.stages[0]["lastFailure"]["time"] == rfc3339(NOW)


def test_since_an_unknown_or_a_future_time_nothing_has_passed():
    assert draft().since(None) == 0 and draft().since(rfc3339(NOW + 60)) == 0
    assert draft().since(rfc3339(NOW - 60)) == 60


class TestHear:
    def test_the_first_news(self):
        made = draft(progressTime=rfc3339(NOW - 300))
        made.hear(made.stages[0], HEARD)
        stage = made.stages[0]
        assert (stage["rows"], stage["totalRows"], stage["chunks"], stage["tokens"]) == (10, 40, 1, 1000)
        assert stage["gpuSeconds"] == 7.3 and stage["progressTime"] == rfc3339(NOW) and "tokensPerSecond" not in stage

    def heard(self, progress, later):
        first = draft(progressTime=rfc3339(NOW - 300))
        first.hear(first.stages[0], HEARD)
        second = draft(NOW + later, **first.stages[0])
        second.hear(second.stages[0], progress)
        return second.stages[0]

    def test_the_rate_is_that_since_the_last_news(self):
        assert self.heard(replace(HEARD, tokens=1500), 20)["tokensPerSecond"] == 25.0

    def test_no_news_leaves_the_time_where_it_is(self):
        assert self.heard(HEARD, 20)["progressTime"] == rfc3339(NOW)

    def test_a_worker_that_was_heard_counts_also_when_its_numbers_stand_still(self):
        assert self.heard(replace(HEARD, updated=NOW + 15), 20)["progressTime"] == rfc3339(NOW + 15)

    def test_a_worker_whose_clock_is_ahead_is_not_heard_from_the_future(self):
        assert self.heard(replace(HEARD, updated=NOW + 10**6), 20)["progressTime"] == rfc3339(NOW + 20)

    def test_another_artifact_begins_at_nothing_and_gives_no_rate(self):
        stage = self.heard(replace(HEARD, node="other", rows=0, tokens=0), 20)
        assert stage["rows"] == 0 and "tokensPerSecond" not in stage and stage["progressTime"] == rfc3339(NOW + 20)

    def test_a_log_that_lies_does_not_make_an_invalid_status(self):
        assert self.heard(replace(HEARD, tokens=10**18), 20)["tokens"] == 2**53


@pytest.mark.parametrize(
    ("stage", "progress", "text"),
    [
        ({"state": "Running", "name": "generate", "rows": 10, "totalRows": 27}, HEARD, "37%"),
        ({"state": "Running", "name": "generate", "rows": 30, "totalRows": 27}, HEARD, "100%"),
        ({"state": "Running", "name": "train", "rows": 1, "totalRows": 4}, HEARD, "responses-1 25%"),
        ({"state": "Running", "name": "evaluate", "rows": 0, "totalRows": 4}, replace(HEARD, node=""), "0%"),
        ({"state": "Running", "name": "generate"}, None, "loading"),
        ({"state": "Running", "name": "generate", "rows": 0, "totalRows": 0}, HEARD, "loading"),
        ({"state": "Queued", "name": "generate", "rows": 10, "totalRows": 27}, HEARD, ""),
        (None, None, ""),
    ],
)  # fmt: skip
def test_the_column(stage, progress, text):
    assert progress_text(stage, progress) == text


def test_a_failure_is_remembered_with_what_to_do():
    made = draft()
    made.record_failure(made.stages[0], Problem(Reason.OUT_OF_MEMORY, "generate: killed", "n1", 137))
    failure = made.stages[0]["lastFailure"]
    assert failure["reason"] == "OutOfMemory" and failure["code"] == 137 and failure["node"] == "n1"
    assert "memory" in failure["hint"] and failure["time"] == rfc3339(NOW) and "avoidNodes" not in made.stages[0]


def test_a_node_whose_device_failed_is_avoided_once_and_at_most_sixteen_are():
    made = draft()
    for node in [*(f"n{i}" for i in range(20)), "n19"]:
        made.record_failure(made.stages[0], Problem(Reason.DEVICE_FAILED, "broken", node, 69))
    assert made.stages[0]["avoidNodes"] == [f"n{i}" for i in range(4, 20)]
    assert made.attempt(made.stages[0]).avoid == tuple(made.stages[0]["avoidNodes"])


def test_look_again_at_the_earliest_moment_but_not_at_once():
    made = draft()
    made.look_again_in(60)
    made.look_again_in(0.1)
    made.look_again_in(30)
    assert made.wake == 1.0


def test_a_count_never_shrinks():
    stage = {"rows": 5}
    count(stage, "rows", 3)
    count(stage, "tokens", None)
    assert stage == {"rows": 5}
    count(stage, "rows", 8)
    assert stage == {"rows": 8}
