"""A run in a queue: every Job waits its turn, says for what, is never written to again, and may be preempted for free.

Kueue's part is played (kueue.py), from its documented behaviour.
"""

import json
import time
from collections.abc import Iterator

import pytest
from e2e import kueue
from e2e.kueue import Kueue
from e2e.namespace import Namespace

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]
OPERATOR = "system:serviceaccount:thinksafe-system:thinksafe-operator"
MANAGER = "thinksafe-operator"
MINUTE = 60.0


@pytest.fixture(scope="module")
def place(place: Namespace) -> Iterator[Namespace]:
    """On a cluster whose node is of the flavor that is handed out."""
    nodes = json.loads(place.kubectl("get", "nodes", "-o", "json"))["items"]
    node = nodes[0]["metadata"]["name"]
    place.kubectl("label", "node", node, *(f"{k}={v}" for k, v in kueue.FLAVOR.items()))
    yield place
    place.kubectl("label", "node", node, *(f"{k}-" for k in kueue.FLAVOR))


@pytest.fixture(scope="module")
def played(place: Namespace) -> Iterator[Kueue]:
    with Kueue(place, queues=("played",)) as controller:
        yield controller


@pytest.fixture(scope="module")
def nowhere(place: Namespace, played: Kueue) -> float:
    """When a run was made whose queue does not exist. It is there beside the other one."""
    place.apply(place.small("nowhere", queueName="nobodys"))
    return time.monotonic()


@pytest.fixture(scope="module")
def story(place: Namespace, played: Kueue, nowhere: float) -> dict:
    """A run that waits, is admitted, preempted in the middle of generate, and admitted again. What was seen of it."""
    seen: dict = {}
    place.apply(place.small("queued", queueName="played"))
    seen["waiting"] = _quota(place, "False", kueue.WAITING)
    seen["waiting job"] = _job(place, "prepare")
    seen["pods while waiting"] = place.find("pods", "thinksafe.dev/run=queued")
    played.admit(_name(seen["waiting job"]))
    place.wait("queued", lambda s: s["stage"] == "generate", "at generate", 600)
    _quota(place, "False", kueue.WAITING)
    generate = _name(_job(place, "generate"))
    played.admit(generate)
    _has_pod(place)
    seen["running"] = place.wait("queued", _runs, "running", 600)
    seen["running pods"] = place.find("pods", "thinksafe.dev/run=queued,thinksafe.dev/stage=generate")
    played.preempt(generate)
    seen["preempted"] = _quota(place, "False", kueue.PREEMPTED)
    _no_pod(place)
    seen["preempted job"] = _job(place, "generate")
    played.admit(generate)
    seen["readmitted"] = _quota(place, "True", "")
    seen["went on"] = place.wait("queued", lambda s: s["stage"] == "filter", "at filter", 900)
    _quota(place, "False", kueue.WAITING)
    seen["jobs"] = place.find("jobs", "thinksafe.dev/run=queued")
    return seen


def _quota(place: Namespace, status: str, words: str) -> dict:
    """The run's status, once QuotaReserved says so."""
    def says(told: dict) -> bool:
        quota = next((c for c in told.get("conditions", []) if c["type"] == "QuotaReserved"), {})
        return quota.get("status") == status and words in quota.get("message", "")

    return place.wait("queued", says, f"QuotaReserved={status}: {words!r}", 600)


def _runs(status: dict) -> bool:
    return any(s["name"] == "generate" and s["state"] == "Running" for s in status["stages"])


def _job(place: Namespace, stage: str) -> dict:
    (job,) = place.find("jobs", f"thinksafe.dev/run=queued,thinksafe.dev/stage={stage}")
    return job


def _name(job: dict) -> str:
    return job["metadata"]["name"]


def _alive(place: Namespace) -> list[dict]:
    pods = place.find("pods", "thinksafe.dev/run=queued,thinksafe.dev/stage=generate")
    return [p for p in pods if p["status"]["phase"] in ("Pending", "Running")]


def _has_pod(place: Namespace) -> None:
    end = time.monotonic() + MINUTE
    while not _alive(place):
        assert time.monotonic() < end, "the admitted Job made no pod"
        time.sleep(0.5)


def _no_pod(place: Namespace) -> None:
    end = time.monotonic() + 2 * MINUTE
    while alive := _alive(place):
        assert time.monotonic() < end, f"still there after the preemption: {[_name(p) for p in alive]}"
        time.sleep(0.5)


def _told(status: dict) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}


def test_a_queue_that_does_not_exist_is_told_within_a_minute(place: Namespace, nowhere: float) -> None:
    left = MINUTE - (time.monotonic() - nowhere)
    status = place.wait("nowhere", lambda s: _told(s).get("Ready") == ("False", "QueueNotFound"), "told", left)
    assert _told(status)["QuotaReserved"] == ("False", "QueueNotFound")
    assert _told(status)["Stalled"] == ("True", "QueueNotFound")
    assert "nobodys" in status["message"] and "queueName" in status["message"]
    assert place.find("pods", "thinksafe.dev/run=nowhere") == []


def test_while_it_waits_it_says_what_kueue_says(story: dict) -> None:
    status = story["waiting"]
    assert _told(status)["QuotaReserved"] == ("False", "QuotaPending")
    assert status["phase"] == "Queued" and kueue.WAITING in status["message"]
    assert _told(status)["Stalled"][0] == "False"
    assert story["waiting job"]["spec"]["suspend"] is True and story["pods while waiting"] == []


def test_once_it_is_admitted_its_pods_are_as_kueue_wants_them(story: dict) -> None:
    assert _told(story["running"])["QuotaReserved"] == ("True", "QuotaReserved")
    (pod,) = story["running pods"]
    assert kueue.FLAVOR.items() <= pod["spec"]["nodeSelector"].items()
    assert kueue.FLAVOR.items() <= pod["metadata"]["labels"].items()


def test_a_preemption_costs_nothing(story: dict) -> None:
    assert story["preempted"]["phase"] == "Queued" and kueue.PREEMPTED in story["preempted"]["message"]
    assert story["preempted job"]["status"].get("failed", 0) == 0
    for status in (story["preempted"], story["readmitted"], story["went on"]):
        (stage,) = [s for s in status["stages"] if s["name"] == "generate"]
        assert (stage["attempt"], stage["failures"], stage.get("disruptions", 0)) == (1, 0, 0)
    assert _name(story["preempted job"]) == stage["job"]


def test_every_job_is_in_the_queue(story: dict) -> None:
    stages = {j["metadata"]["labels"]["thinksafe.dev/stage"]: j["metadata"]["labels"] for j in story["jobs"]}
    assert stages.keys() == {"prepare", "generate", "filter"}
    assert {labels[kueue.QUEUE] for labels in stages.values()} == {"played"}
    assert len(story["jobs"]) == 3, "a Job was made a second time"


def test_no_job_is_written_to_after_it_was_made(story: dict, place: Namespace) -> None:
    """By its field managers, and because it has no right to."""
    for job in story["jobs"]:
        raw = json.loads(place.kubectl("get", "job", _name(job), "-o", "json", "--show-managed-fields"))["metadata"]
        ours = [m for m in raw["managedFields"] if m["manager"] == MANAGER]
        assert [(m["time"], m.get("subresource")) for m in ours] == [(raw["creationTimestamp"], None)]
    for verb in ("update", "patch"):
        for resource in ("jobs", "jobs/status"):
            asked = place.kubectl("auth", "can-i", verb, resource, f"--as={OPERATOR}", check=False)
            assert asked.strip() == "no", f"{verb} {resource}"


def test_a_run_that_waits_in_a_queue_can_be_deleted(story: dict, place: Namespace) -> None:
    place.kubectl("delete", "thinksaferuns", "--all", "--wait")
    place.wait_until_alone("queued", "nowhere")
