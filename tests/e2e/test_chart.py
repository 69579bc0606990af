"""The chart through its life: installed on an empty cluster, upgraded and rolled back while a run goes on,
uninstalled, installed for one namespace, installed again.

The workers here wait to be let go: what is looked at is whether anyone touches them.
"""

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster import control_plane
from cluster.access import Access, ClusterAccess
from cluster.binaries import NotBuilt
from cluster.helm import CHART, RELEASE, SYSTEM, helm, packaged
from e2e import namespace, release
from e2e.inventory import Name, everything, of_release
from e2e.ledger import JobWatch
from e2e.mishaps import operator_pods
from e2e.namespace import Namespace

from thinksafe.crd.kinds import KINDS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "tiny" / "run.yaml"
PREVIOUS = "0.0.1"
HERE = f"--namespace={SYSTEM}"
DEFINITIONS = {("CustomResourceDefinition", "", f"{kind.plural}.thinksafe.dev") for kind in KINDS}
SCOPED = "scoped"
PARKED = {"prepare": {"nodeSelector": {"thinksafe.dev/nobody": "is-here"}}}  # no node has this label
_WAIT = 'until [ -e /scratch/go ]; do sleep 0.2; done; exec thinksafe "$@"'
_WORKER = {"name": "worker", "command": ["sh", "-c", _WAIT, "thinksafe"]}
WAITING = {"podTemplate": {"spec": {"terminationGracePeriodSeconds": 1, "containers": [_WORKER]}}}


def _wait(holds: Callable[[], bool], what: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, what()
        time.sleep(0.5)


# --- all that there is ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty() -> Iterator[Access]:
    """A cluster with nothing on it, nodes neither: all that is there can be looked at."""
    try:
        with control_plane.running(controllers=True) as plane:
            yield Access(plane.kubeconfig, plane=plane)
    except NotBuilt as why:
        pytest.skip(f"no control plane: {why}")


def test_uninstalling_leaves_the_definition_and_the_runs_and_without_keep_nothing(empty: Access) -> None:
    for name in (SYSTEM, "team"):
        empty.kubectl("create", "namespace", name)
        for made in ("configmap/kube-root-ca.crt", "serviceaccount/default"):
            empty.kubectl("wait", made, "-n", name, "--for=create", "--timeout=60s")
    before = everything(empty).keys()

    def left() -> set[Name]:
        return everything(empty).keys() - before

    helm("install", RELEASE, CHART, HERE, access=empty)
    assert {"Deployment", "ClusterRole", "CustomResourceDefinition", "Secret"} <= {kind for kind, *_ in left()}
    empty.kubectl("apply", "-n", "team", "-f", str(EXAMPLE))
    run = ("ThinkSafeRun", "team", "tiny")
    uid = everything(empty)[run]["metadata"]["uid"]
    helm("uninstall", RELEASE, HERE, "--wait", access=empty)
    _wait(lambda: left() == {*DEFINITIONS, run}, left)

    helm("install", RELEASE, CHART, HERE, "--set=crds.keep=false", access=empty)
    assert everything(empty)[run]["metadata"]["uid"] == uid
    helm("uninstall", RELEASE, HERE, "--wait", access=empty)
    _wait(lambda: left() == set(), left)


# --- a life, beside a run -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moment:
    """`uids` of all that belongs to the run `flying`, itself included; `operators`: uids of their pods."""

    chart: str
    ready: bool
    operators: set[str]
    uids: set[str]
    status: dict


@pytest.fixture(scope="module")
def story(cluster: ClusterAccess, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The release from the previous version on, while a run goes on. What was seen on the way."""
    seen: dict = {}
    given = {"pod-templates": "allowed"}
    try:
        with namespace.new(cluster, given) as place, namespace.new(cluster) as own, JobWatch(place) as ledger:
            release.install(cluster, packaged(PREVIOUS, tmp_path_factory.mktemp("chart")))
            place.apply(place.small("flying", stages={"prepare": WAITING, "generate": WAITING}))
            _wait_until_at(place, "prepare")
            seen["before"] = _look(place)
            release.install(cluster)
            seen["upgraded"] = _look(place)
            _let_go(place)
            _wait_until_at(place, "generate")
            seen["went on"] = _look(place)
            helm("rollback", RELEASE, HERE, *release.READY, access=cluster)
            seen["rolled back"] = _look(place)
            helm("uninstall", RELEASE, HERE, "--wait", access=cluster)
            _wait(lambda: not operator_pods(cluster), lambda: operator_pods(cluster))
            seen["uninstalled"] = _look(place)
            seen["left"] = of_release(cluster, RELEASE)
            with _scoped(own):
                seen["scoped"] = of_release(cluster, SCOPED)
                place.apply(place.small("elsewhere", stages=PARKED))
                own.apply(own.small("scoped", stages=PARKED))
                own.wait("scoped", _has_a_job, "begun")
                seen["elsewhere"] = (place.status("elsewhere"), place.children("elsewhere"))
                seen["rights"] = {where.name: _may_list_jobs(own, where) for where in (own, place)}
            _wait(lambda: not of_release(cluster, SCOPED), lambda: of_release(cluster, SCOPED))
            release.install(cluster)
            place.wait("elsewhere", _has_a_job, "begun")
            own.wait("scoped", _has_a_job, "begun")
            seen["again"] = _look(place)
            seen["ledger"], seen["own"] = ledger, own.name
        return seen
    finally:
        release.install(cluster)  # for all the tests after these, whatever went wrong


def _look(place: Namespace) -> Moment:
    cluster = place.cluster
    releases = json.loads(helm("list", HERE, "-o", "json", access=cluster))
    told = cluster.kubectl("-n", SYSTEM, "get", "deployments", "-o", "jsonpath={.items[*].status.readyReplicas}")
    mine = place.find("jobs,pods,configmaps,services", "thinksafe.dev/run=flying")
    run = place.run("flying")
    uids = {one["metadata"]["uid"] for one in (run, *mine)}
    return Moment(releases[0]["chart"] if releases else "", told == "1", operator_pods(cluster), uids, run["status"])


def _wait_until_at(place: Namespace, stage: str) -> None:
    def runs(status: dict) -> bool:
        return any(s["name"] == stage and s["state"] == "Running" for s in status.get("stages", []))

    place.wait("flying", runs, f"at {stage}")


def _let_go(place: Namespace) -> None:
    """The worker that waits begins to work."""
    (pod,) = [p["metadata"]["name"] for p in place.pods() if p["status"]["phase"] == "Running"]
    place.kubectl("exec", pod, "--", "touch", "/scratch/go")


def _has_a_job(status: dict) -> bool:
    return bool(status.get("stages") and status["stages"][0].get("job"))


@contextmanager
def _scoped(own: Namespace) -> Iterator[None]:
    """A team's own operator in its own namespace."""
    here = f"--namespace={own.name}"
    values = {**release.values(own.cluster), "namespaces": [own.name], "crds": {"enabled": False}}
    helm("install", SCOPED, CHART, here, *release.READY, access=own.cluster, values=values)
    try:
        yield
    finally:
        helm("uninstall", SCOPED, here, "--wait", access=own.cluster)


def _may_list_jobs(own: Namespace, where: Namespace) -> bool:
    account = f"--as=system:serviceaccount:{own.name}:{SCOPED}-thinksafe-operator"
    return where.kubectl("auth", "can-i", "list", "jobs", account, check=False).strip() == "yes"


def test_once_it_is_installed_the_operator_is_ready(story: dict) -> None:
    before = story["before"]
    assert (before.chart, before.ready, len(before.operators)) == (f"thinksafe-{PREVIOUS}", True, 1)


def test_an_upgrade_brings_another_operator_and_the_run_goes_on(story: dict) -> None:
    before, after = story["before"], story["upgraded"]
    assert after.ready and after.chart != before.chart
    assert len(after.operators) == 1 and not before.operators & after.operators
    assert before.uids <= after.uids, "the upgrade touched what was running"
    assert story["went on"].status["stage"] == "generate"


def test_so_does_a_roll_back(story: dict) -> None:
    before, after = story["went on"], story["rolled back"]
    assert after.ready and after.chart == story["before"].chart
    assert len(after.operators) == 1 and not before.operators & after.operators
    assert before.uids <= after.uids, "the roll-back touched what was running"


def test_uninstalled_the_definition_is_left_and_the_run_goes_on(story: dict) -> None:
    after = story["uninstalled"]
    assert (after.chart, after.operators) == ("", set())
    assert story["left"] == DEFINITIONS
    assert story["rolled back"].uids <= after.uids, "what was running is gone with the operator"


def test_an_operator_for_one_namespace_touches_no_other(story: dict) -> None:
    status, children = story["elsewhere"]
    assert children == [] and not {"phase", "conditions", "stages"} & status.keys()
    assert [may for where, may in story["rights"].items() if where == story["own"]] == [True]
    assert [may for where, may in story["rights"].items() if where != story["own"]] == [False]
    kinds = {kind for kind, where, _ in story["scoped"] if not where}
    assert kinds <= {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert {where for _, where, _ in story["scoped"]} <= {"", story["own"]}


def test_installed_again_it_takes_up_what_is_there(story: dict) -> None:
    stages = {s["name"]: (s["state"], s["attempt"], s["failures"]) for s in story["again"].status["stages"]}
    assert stages["prepare"] == ("Succeeded", 1, 0) and stages["generate"] == ("Running", 1, 0)
    assert story["uninstalled"].uids <= story["again"].uids
    ledger = story["ledger"]
    assert (ledger.made_twice(), ledger.clashes) == ([], [])


# --- what it says ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def commands(installed: ClusterAccess) -> list[list[str]]:
    """The commands that the notes of the installed release tell."""
    notes = helm("get", "notes", RELEASE, HERE, access=installed)
    lines = [line.strip() for line in notes.splitlines()]
    return [shlex.split(line) for line in lines if line.startswith(("kubectl ", "helm "))]


def test_the_notes_tell_how_to_wait_for_it_and_how_to_apply_a_run(
    installed: ClusterAccess, commands: list[list[str]]
) -> None:
    (wait,) = [c for c in commands if "rollout" in c]
    assert "successfully rolled out" in installed.kubectl(*wait[1:], "--timeout=60s")
    (apply,) = [c for c in commands if "apply" in c]
    of_the_example = [str(EXAMPLE) if word == "run.yaml" else word for word in apply[1:]]
    assert "created (server dry run)" in installed.kubectl(*of_the_example, "--dry-run=server")


def test_helm_test_has_a_run_judged(installed: ClusterAccess, commands: list[list[str]]) -> None:
    (test,) = [c for c in commands if c[0] == "helm"]
    printed = helm(*test[1:], access=installed)
    assert "Succeeded" in printed
    assert installed.kubectl("-n", SYSTEM, "get", "thinksaferuns", "-o", "name") == "", "it was stored"


def test_a_run_that_names_what_its_namespace_was_not_given_is_refused(namespace: Namespace) -> None:
    stranger = {**namespace.storage_spec(), "uri": "s3://a-stranger/x"}
    with pytest.raises(RuntimeError, match="s3://a-stranger/x was not given to the namespace"):
        namespace.apply(namespace.small("run", storage=stranger))
