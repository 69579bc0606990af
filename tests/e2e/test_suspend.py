"""Suspension, deletion and TTL on a real cluster: pods go, what is committed stays, and nothing is done twice."""

import time

import pytest
from e2e.main_job import EXAMPLE
from e2e.suspension import QUIET_SECONDS, Story, demo, responses
from integration.references import reference
from integration.runs import objects

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]


@pytest.fixture
def story(story_of_suspension: Story) -> Story:
    return story_of_suspension


def test_a_run_that_is_made_suspended_starts_nothing(story: Story) -> None:
    children, status = story.before
    assert children == []
    assert status["phase"] == "Suspended" and all(s["attempt"] == 0 for s in status["stages"])
    told = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert told["Suspended"] == ("True", "Suspended") and told["Ready"] == ("False", "Suspended")
    assert told["Stalled"][0] == "False" and told["Reconciling"][0] == "False"


def test_suspended_in_the_middle_it_says_so_only_when_no_pod_is_left(story: Story) -> None:
    claims = story.claims
    assert claims[0][1], "there was no pod to stop: the suspension came too late"
    assert [pods for said, pods in claims if said == "True"] == [[]]
    assert all(said == "False" for said, pods in claims if pods)
    children, status = story.suspended
    # The Job that was done before may stay.
    assert [c for c in (*children, *story.quiet) if "-generate-" in c] == []
    assert status["phase"] == "Suspended" and status["stage"] == "generate"


def test_what_was_committed_before_the_suspension_stays_as_it_is(story: Story) -> None:
    committed = story.committed
    assert responses(committed)
    assert {k: story.kept.get(k) for k in committed} == committed


def test_it_goes_on_with_another_attempt_that_costs_nothing(story: Story) -> None:
    stages = {s["name"]: s for s in story.end["stages"]}
    assert stages["generate"]["attempt"] == 2
    assert all(s["failures"] == 0 and not s.get("disruptions") for s in stages.values())
    assert [n for n, s in stages.items() if n != "generate" and s["attempt"] != 1] == []
    suspended = next(c for c in story.end["conditions"] if c["type"] == "Suspended")
    assert (suspended["status"], suspended["reason"]) == ("False", "Resumed")


def test_it_comes_to_its_end_without_a_committed_object_changed(story: Story) -> None:
    assert story.end["phase"] == "Succeeded", story.end["message"]
    for before in (story.committed, story.kept):
        assert {k: story.objects.get(k) for k in before} == before


def test_the_data_set_is_that_of_a_run_that_nobody_disturbed(story: Story) -> None:
    """The demo on one machine: with one thread vLLM on the CPU is batch-invariant."""
    here = {k: d for k, d in objects(reference(EXAMPLE).store).items() if k.endswith(".parquet")}
    assert any(k.startswith("artifacts/dataset/") for k in here)
    assert [k for k, digest in here.items() if story.objects.get(k) != digest] == []


def test_a_run_that_is_over_can_be_deleted_by_its_ttl_and_is_not_run_again(story: Story) -> None:
    place = story.place
    place.patch("run", ttlSecondsAfterFinished=1)
    end = time.monotonic() + 60
    while place.find("thinksaferuns"):
        assert time.monotonic() < end, "its TTL is over and it is there"
        time.sleep(0.5)
    place.wait_until_alone("run")
    time.sleep(QUIET_SECONDS)
    assert place.find("thinksaferuns") == [] and place.children("run") == []
    assert place.objects() == story.objects


def test_applied_again_it_finishes_from_the_store(story: Story) -> None:
    place = story.place
    place.apply(demo(place, "run"))
    status = place.wait_for_phase("run", "Succeeded", "Failed", "GateFailed", seconds=600)
    states = {s["name"]: s["state"] for s in status["stages"]}
    cached = dict.fromkeys(("generate", "filter", "train", "evaluate"), "Cached")
    assert states == {"prepare": "Succeeded", **cached, "report": "Succeeded"}, status["message"]
    assert {j["metadata"]["labels"]["thinksafe.dev/stage"] for j in place.jobs()} == {"prepare", "report"}
    assert place.objects() == story.objects


def test_a_run_that_is_deleted_in_the_middle_leaves_only_its_artifacts(story: Story) -> None:
    deleted = story.deleted
    assert deleted and deleted.pods, "there was no pod to stop: the deletion came too late"
    assert deleted.children == []
    assert responses(deleted.committed)
    assert {k: deleted.left.get(k) for k in deleted.committed} == deleted.committed
