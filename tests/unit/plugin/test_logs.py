"""Whose log is shown."""

import pytest
from unit.plugin import samples
from unit.plugin.cluster import Cluster

from thinksafe.errors import ThinkSafeError
from thinksafe.plugin.logs import choose, logs


def test_the_current_stage_if_none_is_said_and_its_latest_attempt() -> None:
    cluster = Cluster(samples.failed())
    assert logs(cluster, "qwen3-8b", None, None, "--tail=-1") == 0
    call = cluster.calls[-1]
    assert call[0] == "logs" and "--tail=-1" in call and "--container=worker" in call and "--prefix" in call
    labels = "thinksafe.dev/run-uid=uid-of-qwen3-8b,thinksafe.dev/stage=train,thinksafe.dev/attempt=3"
    assert call[call.index("-l") + 1] == labels


def test_an_earlier_stage_or_attempt() -> None:
    cluster = Cluster(samples.failed())
    logs(cluster, "qwen3-8b", "train", 1)
    assert "attempt=1" in cluster.calls[-1][2]
    logs(cluster, "qwen3-8b", "prepare", None)
    assert "stage=prepare" in cluster.calls[-1][2]


def test_a_current_stage_without_a_job_gives_way_to_the_last_that_had_one() -> None:
    run = samples.run(phase="Pending", stage="generate", stages=samples.stages(samples.PREPARED))
    assert choose(run, None)["name"] == "prepare"


@pytest.mark.parametrize(
    ("run", "stage", "words"),
    [
        (samples.failed(), "generate", "the store held all that it makes"),
        (samples.failed(), "evaluate", "evaluate has not started yet"),
        (samples.failed(), "polish", "has no stage polish; it has: prepare, generate"),
        (samples.run(), None, "none of its stages has started yet"),
        (samples.run(), "train", "it has: none yet"),
    ],
)
def test_why_there_is_no_log(run: dict, stage: str | None, words: str) -> None:
    with pytest.raises(ThinkSafeError, match=words):
        logs(Cluster(run), "qwen3-8b", stage, None)


def test_pods_that_are_gone_are_told_and_not_shown_as_an_empty_log() -> None:
    cluster = Cluster(samples.failed())
    cluster.pods = []
    with pytest.raises(ThinkSafeError, match="no pod of train, attempt 3"):
        logs(cluster, "qwen3-8b", None, None)
