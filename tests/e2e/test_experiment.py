"""A small experiment of the tiny world on a real cluster: what its variants have in common is computed once."""

import json
import time
from collections.abc import Callable, Iterator

import pytest
from cluster.access import ClusterAccess
from e2e.namespace import Namespace, new

from thinksafe.spec import API_VERSION
from thinksafe.spec.experiment import EXPERIMENT_KIND

ENOUGH_SECONDS = 1500
pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def ended(installed: ClusterAccess) -> Iterator[tuple[Namespace, dict]]:
    """The namespace and the experiment at its end: two ranks of the adapter, and a patch that makes no run."""
    with new(installed) as place:
        place.apply(_experiment(place, "ranks", {"plain": None, "narrow": 4, "broken": 0}))
        end = time.monotonic() + ENOUGH_SECONDS
        while (found := _read(place)).get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            assert time.monotonic() < end, json.dumps(found.get("status"))[:3000]
            time.sleep(2)
        yield place, found
        place.kubectl("delete", "thinksafeexperiments", "--all", "--wait=false", check=False)


def _experiment(place: Namespace, name: str, ranks: dict[str, int | None]) -> dict:
    """Variants that differ in the adapter's rank; None is the run's own. The engine is the one that loads faster."""
    variants = [{"name": n, "patch": {"training": {"rank": rank}} if rank is not None else {}}
                for n, rank in ranks.items()]  # fmt: skip
    run = place.small("x", generation={"engine": "transformers"})
    spec = {"run": run["spec"], "variants": variants}
    return {"apiVersion": API_VERSION, "kind": EXPERIMENT_KIND, "metadata": {"name": name}, "spec": spec}


def _read(place: Namespace, name: str = "ranks") -> dict:
    return json.loads(place.kubectl("get", "thinksafeexperiment", name, "-o", "json"))


def _until(is_so: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 300
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(1)


def test_every_variant_comes_to_its_end_and_one_that_cannot_says_why(ended: tuple[Namespace, dict]):
    _, found = ended
    status = found["status"]
    variants = {v["name"]: v for v in status["variants"]}
    # A closed gate is a result; that it opens for so little training is not what is tested here.
    phases = {v["phase"] for n, v in variants.items() if n != "broken"}
    assert phases <= {"Succeeded", "GateFailed"}, status["message"]
    assert variants["broken"]["phase"] == "Failed" and "training.rank" in variants["broken"]["message"]
    assert all(len(variants[n]["adapter"]) >= 16 and variants[n]["results"] for n in ("plain", "narrow"))
    assert status["done"] == "3/3" and status["phase"] == "Failed"


def test_what_the_variants_have_in_common_ran_once(ended: tuple[Namespace, dict]):
    """Counted by the Jobs that were really there, not by what a status says."""
    place, _ = ended
    jobs = [j["metadata"]["labels"] for j in place.jobs()]
    of = {run: [j["thinksafe.dev/stage"] for j in jobs if j.get("thinksafe.dev/run") == run]
          for run in ("ranks-plain", "ranks-narrow")}  # fmt: skip
    assert sorted(of["ranks-plain"]) == ["evaluate", "filter", "generate", "prepare", "report", "train"]
    assert sorted(of["ranks-narrow"]) == ["evaluate", "prepare", "report", "train"]
    states = {s["name"]: s["state"] for s in place.status("ranks-narrow")["stages"]}
    assert states["generate"] == states["filter"] == "Cached"
    assert [j["thinksafe.dev/stage"] for j in jobs if "thinksafe.dev/experiment" in j] == ["compare"]


def test_the_combined_report_is_in_the_store(ended: tuple[Namespace, dict]):
    place, found = ended
    status = found["status"]
    uid = found["metadata"]["uid"]
    assert status["report"] == f"{place.storage}/experiments/{place.name}/ranks/{uid}/index.html"
    summary = place.document(f"{status['report'].rpartition('/')[0]}/summary.json")
    assert summary["schema"] == "thinksafe.dev/experiment/v1"
    measured = {row["variant"] for row in summary["rows"] if row["value"] is not None}
    assert measured == {"plain", "narrow"}


def test_kubectl_tells_at_a_glance(ended: tuple[Namespace, dict]):
    place, _ = ended
    head, row = place.kubectl("get", "tse").splitlines()
    assert head.split() == ["NAME", "PHASE", "DONE", "BASELINE", "AGE"]
    assert row.split()[:4] == ["ranks", "Failed", "3/3", "plain"]
    described = place.kubectl("describe", "tse", "ranks")
    for word in ("VariantStarted", "VariantEnded", "Reported", "InvalidSpec", "ranks-narrow"):
        assert word in described, word
    assert "ranks-plain" in place.kubectl("get", "thinksafe")


def test_deleted_it_takes_its_runs_and_its_job_along(ended: tuple[Namespace, dict]):
    place, _ = ended
    place.kubectl("delete", "tse", "ranks")
    end = time.monotonic() + 120
    while left := [o["metadata"]["name"] for o in place.find("thinksaferuns,jobs,pods")]:
        assert time.monotonic() < end, left
        time.sleep(1)


def test_suspended_it_stops_its_runs_and_resumed_it_goes_on_until_its_time_is_over(ended: tuple[Namespace, dict]):
    """The store has all that its stages make, so only prepare, report and the comparison run."""
    place, _ = ended

    def change(**fields: object) -> None:
        place.kubectl("patch", "tse", "again", "--type=merge", "-p", json.dumps({"spec": fields}))

    def runs() -> list[dict]:
        return [o for o in place.find("thinksaferuns") if o["metadata"]["name"].startswith("again-")]

    place.apply(_experiment(place, "again", {"plain": None, "narrow": 4}))
    _until(lambda: bool(runs()), "no run was made")
    change(suspend=True)
    place.kubectl("wait", "--for=condition=Suspended", "tse/again", "--timeout=120s")
    assert all(run["spec"]["suspend"] for run in runs())
    assert not [o["metadata"]["name"] for o in place.find("pods") if o["status"]["phase"] in ("Pending", "Running")]
    uid = _read(place, "again")["metadata"]["uid"]
    change(suspend=False, ttlSecondsAfterFinished=1)
    place.kubectl("wait", "--for=delete", "tse/again", "--timeout=600s")
    _until(lambda: not runs(), "its runs are left")
    document = place.document(f"{place.storage}/experiments/{place.name}/again/{uid}/summary.json")
    assert {row["variant"] for row in document["rows"] if row["value"] is not None} == {"plain", "narrow"}
