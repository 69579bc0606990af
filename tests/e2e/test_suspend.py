"""Suspension, deletion and TTL on a real cluster: pods go, what is committed stays, and nothing is done twice."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster.access import ClusterAccess
from e2e import namespace
from e2e.namespace import Namespace

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]
QUIET_SECONDS = 10  # in which an operator that means to do something would have done it
# Small chunks, and enough rows to be met between two of them.
CHUNKED = {
    "prompts": [{"source": "tiny://prompts?seed=0&harmful=200&benign=200", "format": "tiny"}],
    "generation": {"chunkRows": 8, "maxTokens": 160},
    "gate": {"rules": [{"kind": "harmful", "max": 1.0, "minSamples": 1}]},
}


@pytest.fixture(scope="module")
def place(installed: ClusterAccess) -> Iterator[Namespace]:
    with namespace.new(installed) as made:
        yield made


@pytest.fixture(scope="module")
def story(place: Namespace) -> dict:
    """One run: made suspended, let go, suspended in the middle of generate, let go again. What was seen on the way."""
    seen: dict = {}
    place.apply(place.small("run", suspend=True, **CHUNKED))
    place.wait_for_phase("run", "Suspended", seconds=60)
    time.sleep(QUIET_SECONDS)
    seen["before"] = (place.children("run"), place.status("run"))

    place.patch("run", suspend=False)
    seen["committed"] = _wait_for_chunks(place, "run")
    place.patch("run", suspend=True)
    seen["claims"] = _watch_suspension(place)
    seen["suspended"] = (place.children("run"), place.status("run"))
    time.sleep(QUIET_SECONDS)
    seen["kept"] = place.objects()
    seen["quiet"] = place.children("run")

    place.patch("run", suspend=False)
    seen["end"] = place.wait_for_phase("run", "Succeeded", "Failed", "GateFailed", seconds=1500)
    seen["objects"] = place.objects()
    return seen


def _responses(objects: dict[str, str]) -> dict[str, str]:
    return {key: digest for key, digest in objects.items() if key.startswith("artifacts/responses/")}


def _wait_for_chunks(place: Namespace, run: str, uri: str | None = None, seconds: float = 900) -> dict[str, str]:
    """The store's objects, once some of a run's responses are committed and its stage still goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _responses(found := place.objects(uri)):
            return found
        time.sleep(0.2)
    raise AssertionError(f"no chunk after {seconds:.0f} s: {place.status(run).get('message')}")


def _watch_suspension(place: Namespace, seconds: float = 120) -> list[tuple[str, list[str]]]:
    """What the condition Suspended said, and which pods were there right after."""
    seen: list[tuple[str, list[str]]] = []
    end = time.monotonic() + seconds
    while not seen or seen[-1][0] != "True":
        assert time.monotonic() < end, f"it is not suspended: {place.status('run')}"
        said = place.condition("run", "Suspended")["status"]
        seen.append((said, [p["metadata"]["name"] for p in place.pods() if _is_alive(p)]))
    return seen


def _is_alive(pod: dict) -> bool:
    return pod["status"]["phase"] in ("Pending", "Running")


def test_a_run_that_is_made_suspended_starts_nothing(story: dict) -> None:
    children, status = story["before"]
    assert children == []
    assert status["phase"] == "Suspended" and all(s["attempt"] == 0 for s in status["stages"])
    told = {c["type"]: (c["status"], c["reason"]) for c in status["conditions"]}
    assert told["Suspended"] == ("True", "Suspended") and told["Ready"] == ("False", "Suspended")
    assert told["Stalled"][0] == "False" and told["Reconciling"][0] == "False"


def test_suspended_in_the_middle_it_says_so_only_when_no_pod_is_left(story: dict) -> None:
    claims = story["claims"]
    assert claims[0][1], "there was no pod to stop: the suspension came too late"
    assert [pods for said, pods in claims if said == "True"] == [[]]
    assert all(said == "False" for said, pods in claims if pods)
    children, status = story["suspended"]
    # The Job that was done before may stay.
    assert [c for c in (*children, *story["quiet"]) if "-generate-" in c] == []
    assert status["phase"] == "Suspended" and status["stage"] == "generate"


def test_what_was_committed_before_the_suspension_stays_as_it_is(story: dict) -> None:
    committed = story["committed"]
    assert _responses(committed)
    assert {k: story["kept"].get(k) for k in committed} == committed


def test_it_goes_on_with_another_attempt_that_costs_nothing(story: dict) -> None:
    stages = {s["name"]: s for s in story["end"]["stages"]}
    assert stages["generate"]["attempt"] == 2
    assert all(s["failures"] == 0 and not s.get("disruptions") for s in stages.values())
    assert [n for n, s in stages.items() if n != "generate" and s["attempt"] != 1] == []
    suspended = next(c for c in story["end"]["conditions"] if c["type"] == "Suspended")
    assert (suspended["status"], suspended["reason"]) == ("False", "Resumed")


def test_it_comes_to_its_end_without_a_committed_object_changed(story: dict) -> None:
    assert story["end"]["phase"] == "Succeeded", story["end"]["message"]
    for before in (story["committed"], story["kept"]):
        assert {k: story["objects"].get(k) for k in before} == before


def test_the_data_set_is_that_of_a_run_that_nobody_disturbed(story: dict, place: Namespace, tmp_path: Path) -> None:
    """The same run on one machine: with one thread vLLM on the CPU is batch-invariant."""
    from integration.runs import manifest, objects, thinksafe

    file, store = manifest(tmp_path, "run", **CHUNKED), tmp_path / "store"
    for stage in ("prepare", "generate", "filter", "train"):  # the last one chooses the data set first
        done = thinksafe("worker", stage, file, "--uid", "u", "--store", store, scratch=tmp_path / "scratch")
        assert done.returncode == 0, done.stderr[-1500:]
    here = {k: d for k, d in objects(store).items() if k.endswith(".parquet")}
    assert any(k.startswith("artifacts/dataset/") for k in here)
    assert [k for k, digest in here.items() if story["objects"].get(k) != digest] == []


def test_a_run_that_is_over_can_be_deleted_by_its_ttl_and_is_not_run_again(story: dict, place: Namespace) -> None:
    place.patch("run", ttlSecondsAfterFinished=1)
    end = time.monotonic() + 60
    while place.find("thinksaferuns"):
        assert time.monotonic() < end, "its TTL is over and it is there"
        time.sleep(0.5)
    place.wait_until_alone("run")
    time.sleep(QUIET_SECONDS)
    assert place.find("thinksaferuns") == [] and place.children("run") == []
    assert place.objects() == story["objects"]


def test_applied_again_it_finishes_from_the_store(story: dict, place: Namespace) -> None:
    place.apply(place.small("run", **CHUNKED))
    status = place.wait_for_phase("run", "Succeeded", "Failed", "GateFailed", seconds=600)
    states = {s["name"]: s["state"] for s in status["stages"]}
    cached = dict.fromkeys(("generate", "filter", "train", "evaluate"), "Cached")
    assert states == {"prepare": "Succeeded", **cached, "report": "Succeeded"}, status["message"]
    assert {j["metadata"]["labels"]["thinksafe.dev/stage"] for j in place.jobs()} == {"prepare", "report"}
    assert place.objects() == story["objects"]


def test_a_run_that_is_deleted_in_the_middle_leaves_only_its_artifacts(story: dict, place: Namespace) -> None:
    elsewhere = {**place.storage_spec(), "uri": f"{place.storage}/deleted"}
    place.apply(place.small("deleted", storage=elsewhere, seed=1, **CHUNKED))
    committed = _wait_for_chunks(place, "deleted", elsewhere["uri"])
    assert any(_is_alive(p) for p in place.find("pods", "thinksafe.dev/run=deleted"))
    place.kubectl("delete", "thinksaferun", "deleted", "--wait")
    place.wait_until_alone("deleted")
    time.sleep(QUIET_SECONDS)
    assert place.children("deleted") == []
    left = place.objects(elsewhere["uri"])
    assert {k: left.get(k) for k in committed} == committed
