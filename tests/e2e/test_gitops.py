"""A run that its TTL deletes and Git makes again, with real pods and a real store: no GPU works, and nothing changes.

What the store holds is the demo's, which another file has watched to its end.
"""

import time

import pytest
import yaml
from e2e.ledger import JobWatch, Ledger
from e2e.main_job import EXAMPLE, Watched
from e2e.namespace import DEFAULT_STORAGE, Namespace

STAGES = ["prepare", "generate", "filter", "train", "evaluate", "report"]
CACHED = {**dict.fromkeys(STAGES, "Cached"), "prepare": "Succeeded", "report": "Succeeded"}
TTL_SECONDS = 5
pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def namespace(watched: Watched) -> Namespace:
    """Another one that shares the store."""
    made = Namespace(watched[0].cluster, "e2e-gitops", DEFAULT_STORAGE)
    made.create()
    return made


def test_it_finishes_from_the_store_as_often_as_git_makes_it_again(watched: Watched, namespace: Namespace):
    run = yaml.safe_load(EXAMPLE.read_text())
    run["spec"]["ttlSecondsAfterFinished"] = TTL_SECONDS
    held, adapters = namespace.objects(), set()
    for _ in range(2):
        with JobWatch(namespace) as ledger:
            namespace.apply(run)
            status = namespace.wait_for_phase("tiny", "Succeeded", "GateFailed", "Failed", seconds=120)
            _wait_until_gone(namespace)
        assert status["phase"] == "Succeeded", status["message"]
        assert {s["name"]: s["state"] for s in status["stages"]} == CACHED
        assert _stages(ledger) == {"prepare", "report"}
        adapters.add(status["adapter"])
    assert adapters == {watched[1][-1][1]["adapter"]}, "the same content is the same release"
    assert namespace.objects() == held, "nothing is in the store that was not there"


def _stages(ledger: Ledger) -> set[str]:
    return set(ledger.stages.values())


def _wait_until_gone(namespace: Namespace, seconds: float = 60) -> None:
    end = time.monotonic() + TTL_SECONDS + seconds
    while namespace.kubectl("get", "thinksaferun", "tiny", "--ignore-not-found", "-o", "name").strip():
        assert time.monotonic() < end, "its TTL is over, and it is still there"
        time.sleep(0.5)
