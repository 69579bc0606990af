"""What Kubernetes' own Job controller does with our Jobs. No node: the test plays the kubelet and ends the pods."""

import json
import time
from collections.abc import Callable

import pytest
from cluster.access import Access
from unit.operator import specs

from api.places import Place, new_place
from thinksafe_operator.jobs import children
from thinksafe_operator.state import Attempt

SECONDS = 60
pytestmark = pytest.mark.timeout(1800)  # the programs may have to be built first


class Played:
    """A stage's Job, and its pods by index."""

    def __init__(self, place: Place, stage: str, **settings) -> None:
        self._kubectl, self._namespace = place.server.kubectl, place.namespace
        self.objects = children(place.run(stages={stage: settings}), Attempt(stage, 1), specs.SETTINGS)
        # There is no such run: where its kind is known, the garbage collector would take what is its.
        for made in self.objects:
            del made["metadata"]["ownerReferences"]
        place.create(self.objects)
        self.name, replicas = self.objects[-1]["metadata"]["name"], settings.get("replicas", 1)
        until(lambda: len(self.pods()) == replicas)

    def job(self) -> dict:
        return json.loads(self._kubectl("get", "job", self.name, "-n", self._namespace, "-o", "json"))

    def pods(self) -> list[dict]:
        """Those that have not ended."""
        selector = f"batch.kubernetes.io/job-name={self.name}"
        found = self._kubectl("get", "pods", "-n", self._namespace, "-l", selector, "-o", "json")
        return [p for p in json.loads(found)["items"] if p["status"]["phase"] in ("Pending", "Running")]

    def end(self, index: int, code: int, *, disrupted: bool = False) -> str:
        """End the pod of an index with this exit code; returns the name it had."""
        [pod] = [p for p in self.pods() if _index(p) == index]
        ended = {"name": "worker", "image": "i", "imageID": "", "ready": False, "restartCount": 0,
                 "state": {"terminated": {"exitCode": code, "reason": "Error" if code else "Completed"}}}  # fmt: skip
        status = {"phase": "Failed" if code else "Succeeded", "containerStatuses": [ended]}
        if disrupted:
            status["conditions"] = [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]
        name = pod["metadata"]["name"]
        self._kubectl("patch", "pod", name, "-n", self._namespace, "--subresource=status",
                      "-p", json.dumps({"status": status}))  # fmt: skip
        return name

    def outcome(self) -> tuple[str, str] | None:
        """The type and reason of the Job's last condition, once it has ended."""
        ended = [c for c in self.job()["status"].get("conditions", []) if c["type"] in ("Complete", "Failed")]
        return (ended[0]["type"], ended[0]["reason"]) if ended else None


def _index(pod: dict) -> int:
    return int(pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"])


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end, f"not within {SECONDS} s"
        time.sleep(0.2)


@pytest.fixture
def place(controllers: Access) -> Place:
    return new_place(controllers)


def test_pods_that_train_together_find_the_first_by_its_name(place: Place):
    gang = Played(place, "train", replicas=2, resources={"limits": {"nvidia.com/gpu": 1}})
    _, service, job = gang.objects
    first = next(p for p in gang.pods() if _index(p) == 0)
    environment = {e["name"]: e.get("value") for e in first["spec"]["containers"][0]["env"]}
    assert environment["MASTER_ADDR"] == f"{first['spec']['hostname']}.{first['spec']['subdomain']}"
    assert "JOB_COMPLETION_INDEX" in environment
    assert first["spec"]["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["selector"].items() <= first["metadata"]["labels"].items()
    assert job["spec"]["template"]["metadata"]["labels"].items() <= first["metadata"]["labels"].items()


@pytest.mark.parametrize("code", [64, 77, 78])
def test_what_cannot_get_better_ends_the_job_at_once(place: Place, code: int):
    job = Played(place, "generate", replicas=4)
    job.end(1, code)
    until(lambda: job.outcome() == ("Failed", "PodFailurePolicy"))


def test_a_disruption_costs_nothing(place: Place):
    job = Played(place, "generate", podRetries=0)
    name = job.end(0, 143, disrupted=True)
    until(lambda: [p["metadata"]["name"] != name for p in job.pods()] == [True])
    job.end(0, 0)
    until(lambda: job.outcome() == ("Complete", "CompletionsReached"))
    assert not job.job()["status"].get("failed")


def test_the_rest_goes_on_without_a_lost_worker(place: Place):
    job = Played(place, "generate", replicas=3)
    job.end(1, 65)
    until(lambda: job.job()["status"].get("failedIndexes") == "1")
    assert job.outcome() is None and sorted(map(_index, job.pods())) == [0, 2]
    job.end(0, 0)
    job.end(2, 0)
    until(lambda: job.outcome() == ("Failed", "FailedIndexes"))


def test_half_of_the_workers_lost_ends_the_job(place: Place):
    job = Played(place, "generate", replicas=4, podRetries=0)
    job.end(0, 75)
    until(lambda: job.job()["status"].get("failedIndexes") == "0")
    assert job.outcome() is None
    job.end(3, 69)
    until(lambda: job.outcome() == ("Failed", "MaxFailedIndexesExceeded"))


def test_any_other_code_is_a_retry_until_there_is_none_left(place: Place):
    job = Played(place, "filter", podRetries=1)
    name = job.end(0, 75)
    until(lambda: [p["metadata"]["name"] != name for p in job.pods()] == [True])
    assert job.outcome() is None
    job.end(0, 137)
    until(lambda: job.outcome() is not None)
    assert job.outcome() == ("Failed", "MaxFailedIndexesExceeded")


def test_one_lost_is_all_lost_where_pods_train_together(place: Place):
    gang = Played(place, "train", replicas=3, podRetries=0)
    gang.end(2, 75)
    until(lambda: gang.outcome() == ("Failed", "MaxFailedIndexesExceeded"))
