"""Everything that can be wrong with a run on a cluster: told plainly within a minute, with nothing half-made left
behind; and what heals goes on by itself.

All faults are brought about at the same time, then each is looked at. Nothing here goes past prepare that need not:
the stage after it asks for a node that does not exist.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import pytest
from cluster.access import ClusterAccess
from e2e import hub, namespace
from e2e.diary import Diary, condition
from e2e.namespace import BUCKET, SECRET, Namespace

from thinksafe_operator import reasons
from thinksafe_operator.names import job_name
from thinksafe_operator.reasons import Reason

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
MINUTE = 60.0
NOBODY = {"nodeSelector": {"thinksafe.dev/nobody": "is-here"}}  # no node has this label
PARKED = {"generate": NOBODY}
LATER = "later"  # the name of what is missing and comes later
# Of each a run names one that is not there, or not as it should be.
GIVEN = {"storage": "*", "secrets": f"{SECRET},{LATER},wrong", "pod-templates": "allowed"}
STALL_SECONDS = 15
CANARY = "canary-of-a-data-row"


@dataclass(frozen=True)
class World:
    """Where the faults are: most in `place`; `no_pods` and `no_jobs` have a quota of none. `label` is on no node."""

    place: Namespace
    no_pods: Namespace
    no_jobs: Namespace
    diary: Diary
    label: str

    def of(self, case: "Case") -> Namespace:
        return getattr(self, case.where)


@dataclass(frozen=True)
class Case:
    """A fault: what is asked for, what must be told of it, and whether it is the end of the run.

    `later`: seconds that pass by design before the fault is one (a worker is silent for so long).
    """

    name: str
    reason: Reason
    words: tuple[str, ...]
    spec: Callable[[World], dict] = field(repr=False)
    ends: bool = False
    where: str = "place"
    later: float = 0.0

    def __str__(self) -> str:
        return self.name


def _storage(world: World, **changes: str) -> dict:
    return {"storage": {**world.place.storage_spec(), **changes}, "stages": PARKED}


def _prepare(**settings: object) -> dict:
    return {"stages": {**PARKED, "prepare": settings}}


def _worker(**container: object) -> dict:
    """A podTemplate that changes the worker's container."""
    return {"spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "worker", **container}]}}


def _image(world: World, tag: str) -> str:
    return f"{world.place.cluster.worker_image.rpartition(':')[0]}:{tag}"


def _host(world: World) -> str:
    return urlsplit(world.place.cluster.s3_endpoint).hostname or ""


def _bad_prompts(world: World) -> dict:
    source = f"{world.place.storage}/bad.jsonl"
    columns = {"prompt": "question", "label": "kind"}
    return {"prompts": [{"source": source, "format": "columns", "columns": columns}], "stages": PARKED}


def _on_the_hub(world: World, model: str) -> dict:
    env = [{"name": "HF_ENDPOINT", "value": f"http://{hub.NAME}.{world.place.name}.svc.cluster.local:{hub.PORT}"}]
    return {"model": {"name": model}, "workers": {"env": env}, "stages": PARKED}


_OUT_OF_MEMORY = ("memory", "resources")
WAITING = [
    Case("image-missing", Reason.IMAGE_PULL_FAILED, ("later-", "image name", "imagePullSecrets"),
         lambda w: _prepare(image=_image(w, f"later-{w.label}"))),
    Case("image-misspelt", Reason.IMAGE_INVALID, ("UPPER", "Correct the image"),
         lambda w: _prepare(image="registry.thinksafe.test/UPPER/case:1")),
    Case("many-gpus", Reason.UNSCHEDULABLE, ("Insufficient nvidia.com/gpu", "lower resources"),
         lambda w: _prepare(resources={"limits": {"nvidia.com/gpu": "640"}})),
    Case("no-such-node", Reason.UNSCHEDULABLE, ("node", "nodeSelector"),
         lambda w: _prepare(nodeSelector={f"thinksafe.dev/{w.label}": "yes"})),
    Case("no-secret", Reason.CONFIG_MISSING, (LATER, "Create the named object"),
         lambda w: _storage(w, credentialsSecret=LATER)),
    Case("no-configmap", Reason.CONFIG_MISSING, (LATER, "Create the named object"),
         lambda w: _prepare(volumes=[{"name": "more", "configMap": {"name": LATER}}],
                            volumeMounts=[{"name": "more", "mountPath": "/more"}])),
    Case("store-down", Reason.STORAGE_UNAVAILABLE, ("store", "endpoint"),
         lambda w: _storage(w, endpoint=f"http://{LATER}.{w.place.name}.svc.cluster.local:{_port(w)}")),
    Case("pods-quota", Reason.QUOTA_EXCEEDED, ("exceeded quota", "pods=1", "ResourceQuota"),
         lambda w: {"stages": PARKED}, where="no_pods"),
    Case("jobs-quota", Reason.QUOTA_EXCEEDED, ("exceeded quota", "count/jobs.batch", "ResourceQuota"),
         lambda w: {"stages": PARKED}, where="no_jobs"),
    Case("privileged", Reason.POD_FORBIDDEN, ("PodSecurity", "privileged", "administrator", "podTemplate"),
         lambda w: _prepare(podTemplate=_worker(securityContext={"privileged": True,
                                                                 "allowPrivilegeEscalation": True}))),
    Case("name-taken", Reason.NAME_CONFLICT, ("Job", "not this run's", "Delete or rename"),
         lambda w: {"suspend": True, "stages": PARKED}),
]  # fmt: skip
ENDING = [
    Case("no-bucket", Reason.BAD_SETTINGS, ("no bucket", "nobodys-bucket", "Create it"),
         lambda w: _storage(w, uri="s3://nobodys-bucket/x"), ends=True),
    Case("wrong-keys", Reason.ACCESS_DENIED, (BUCKET, "403", "s3:PutObject"),
         lambda w: _storage(w, credentialsSecret="wrong"), ends=True),
    Case("gated-model", Reason.ACCESS_DENIED, (hub.GATED, "gated", "HF_TOKEN"),
         lambda w: _on_the_hub(w, hub.GATED), ends=True),
    Case("bad-data", Reason.BAD_DATA, ("bad.jsonl",), _bad_prompts, ends=True),
    Case("no-such-model", Reason.BAD_SETTINGS, ("played/no-such-model", "no such model"),
         lambda w: _on_the_hub(w, "played/no-such-model"), ends=True),
    Case("no-worker", Reason.INVALID_SPEC, ("podTemplate", "'worker'", "merged by name"),
         lambda w: _prepare(podTemplate=_worker(**{"$patch": "delete"})), ends=True),
    # The container's first process is over the limit: the whole container goes.
    Case("small-container", Reason.OUT_OF_MEMORY, _OUT_OF_MEMORY,
         lambda w: _prepare(resources={"limits": {"memory": "40Mi"}}, retries=0, podRetries=0), ends=True),
    # Only the process that loads the engine is over the limit: the worker lives to say so.
    Case("small-engine", Reason.OUT_OF_MEMORY, _OUT_OF_MEMORY,
         lambda w: {"stages": {"generate": {"resources": {"limits": {"memory": "512Mi"}}, "retries": 0,
                                            "podRetries": 0}}}, ends=True),
    Case("silent", Reason.NO_PROGRESS, ("nothing was heard", f"{STALL_SECONDS} s", "stallTimeoutSeconds"),
         lambda w: _prepare(podTemplate=_worker(command=["sleep"], args=["3600"]), retries=0,
                            stallTimeoutSeconds=STALL_SECONDS), ends=True, later=STALL_SECONDS),
    Case("impatient", Reason.PENDING_DEADLINE_EXCEEDED, ("10 s are allowed", "Insufficient nvidia.com/gpu"),
         lambda w: _prepare(resources={"limits": {"nvidia.com/gpu": "640"}}, pendingDeadlineSeconds=10), ends=True,
         later=10),
]  # fmt: skip
CASES = [*ENDING, *WAITING]


def _port(world: World) -> int:
    return urlsplit(world.place.cluster.s3_endpoint).port or 80


@pytest.fixture(scope="module")
def world(installed: ClusterAccess) -> Iterator[World]:
    with ExitStack() as stack:
        place = stack.enter_context(namespace.new(installed, GIVEN))
        no_pods, no_jobs = (stack.enter_context(namespace.new(installed)) for _ in range(2))
        diary = stack.enter_context(Diary(installed))
        made = World(place, no_pods, no_jobs, diary, f"later-{os.urandom(4).hex()}")
        _furnish(made)
        for where in ("place", "no_pods", "no_jobs"):
            here = getattr(made, where)
            here.apply_all(*(here.small(c.name, **c.spec(made)) for c in CASES if c.where == where))
        _take_the_name(made)
        yield made


def _furnish(world: World) -> None:
    """What the faults are made of."""
    hub.start(world.place)
    wrong = {"AWS_ACCESS_KEY_ID": world.place.cluster.access_key, "AWS_SECRET_ACCESS_KEY": "a wrong one"}
    world.place.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "wrong"}, "stringData": wrong})
    _set_quota(world.no_pods, "pods", 0)
    _set_quota(world.no_jobs, "count/jobs.batch", 0)
    row = json.dumps({"text": CANARY})  # the columns that the manifest names are not there
    key = f"{urlsplit(world.place.storage).path.strip('/')}/bad.jsonl"
    world.place.cluster.s3().put_object(Bucket=BUCKET, Key=key, Body=f"{row}\n".encode())


def _set_quota(here: Namespace, resource: str, number: int) -> None:
    spec = {"hard": {resource: str(number)}}
    here.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": spec})


def _taken_name(world: World) -> str:
    return job_name("name-taken", world.place.run("name-taken")["metadata"]["uid"], "prepare", 1)


def _take_the_name(world: World) -> None:
    """Somebody's own Job has the name of the run's first, which is known once the run is there."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.thinksafe.test/none:1"}]}
    job = {"suspend": True, "template": {"spec": pod}}
    world.place.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": _taken_name(world)}, "spec": job})
    world.place.patch("name-taken", suspend=False)


def _told(world: World, case: Case) -> tuple[float, dict]:
    """The first status that gives the case's reason, and when it came."""
    def tells(status: dict) -> bool:
        ready = condition(status, "Ready")
        ended = condition(status, "Failed").get("status") == "True"
        return ready.get("reason") == case.reason and ended == case.ends

    here = world.of(case)
    what = f"{'ended by' if case.ends else 'held up by'} {case.reason}"
    return world.diary.first((here.name, case.name), tells, what, seconds=600)


def _fault_time(world: World, case: Case) -> float:
    """When the fault was there to be seen: its container ended, or started, or the run was made."""
    here = world.of(case)
    states = [
        c.get("state", {})
        for pod in here.find("pods", f"thinksafe.dev/run={case.name}")
        for c in pod["status"].get("containerStatuses", [])
    ]
    ends = [s["terminated"]["finishedAt"] for s in states if "terminated" in s]
    starts = [s["running"]["startedAt"] for s in states if "running" in s]
    run = here.run(case.name)
    stage = next((s["startTime"] for s in run["status"]["stages"] if "startTime" in s), None)
    if case.reason is Reason.OUT_OF_MEMORY:
        ends = [max(ends)] if ends else []  # prepare of this run ended well before
    moment = min(ends or starts or [stage or run["metadata"]["creationTimestamp"]])
    return datetime.fromisoformat(moment).timestamp() + case.later


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_told_within_a_minute_what_is_wrong_and_what_to_do(world: World, case: Case) -> None:
    at, status = _told(world, case)
    assert at - _fault_time(world, case) < MINUTE
    for word in case.words:
        assert word in status["message"], status["message"]
    told = {c["type"]: c["status"] for c in status["conditions"]}
    assert told["Ready"] == "False" and told["Complete"] == "False"
    needs_human = case.ends or reasons.group(case.reason) == "human"
    assert told["Stalled"] == str(needs_human)
    assert told["Reconciling"] == str(not needs_human)
    assert (status["phase"] == "Failed") == case.ends
    assert CANARY not in json.dumps(status)


def test_a_setting_that_is_not_known_does_not_even_become_a_run(world: World) -> None:
    unknown = world.place.small("bad-benchmark", evaluation={"benchmarks": ["no-such-benchmark"]})
    with pytest.raises(RuntimeError, match=r"spec\.evaluation\.benchmarks\[0\].*no-such-benchmark.*tiny-harmful"):
        world.place.apply(unknown)


@pytest.mark.parametrize("case", ENDING, ids=str)
def test_nothing_of_a_failed_run_goes_on(world: World, case: Case) -> None:
    _told(world, case)
    here, end = world.of(case), time.monotonic() + 30
    while True:
        jobs = here.find("jobs", f"thinksafe.dev/run={case.name}")
        pods = here.find("pods", f"thinksafe.dev/run={case.name}")
        alive = [j["metadata"]["name"] for j in jobs if j["status"].get("active")]
        alive += [p["metadata"]["name"] for p in pods if p["status"]["phase"] in ("Pending", "Running")]
        if not alive:
            break
        assert time.monotonic() < end, alive
        time.sleep(1)
    stages = {s["name"]: s for s in here.status(case.name).get("stages", [])}
    failed = [name for name, s in stages.items() if s["state"] == "Failed"]
    assert len(failed) == 1 or not stages
    assert all(s["attempt"] <= 1 for s in stages.values()), "a failure that is for good was tried again"


# --- what heals ----------------------------------------------------------------------------------------------------


def _label_a_node(world: World) -> None:
    node = world.place.cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
    world.place.cluster.kubectl("label", "node", node, f"thinksafe.dev/{world.label}=yes")


def _make_the_secret(world: World) -> None:
    keys = json.loads(world.place.kubectl("get", "secret", SECRET, "-o", "json"))["data"]
    world.place.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": LATER}, "data": keys})


def _make_the_config_map(world: World) -> None:
    world.place.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": LATER}, "data": {"a": "b"}})


def _bring_up_the_store(world: World) -> None:
    """The name of the endpoint begins to exist, and leads to the real store."""
    port = _port(world)
    service = {"clusterIP": "None", "ports": [{"port": port}]}
    world.place.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": LATER}, "spec": service})
    world.place.apply({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": LATER, "labels": {"kubernetes.io/service-name": LATER}},
        "addressType": "IPv4", "ports": [{"port": port}], "endpoints": [{"addresses": [_host(world)]}],
    })  # fmt: skip


def _bring_the_image(world: World) -> None:
    own = world.place.cluster.own
    if own:
        image = world.place.cluster.worker_image
        own.node.containerd.ctr("images", "tag", image, _image(world, f"later-{world.label}"))


def _give_the_name_back(world: World) -> None:
    world.place.kubectl("delete", "job", _taken_name(world))


MENDED: dict[str, Callable[[World], None]] = {
    "no-such-node": _label_a_node,
    "no-secret": _make_the_secret,
    "no-configmap": _make_the_config_map,
    "store-down": _bring_up_the_store,
    "pods-quota": lambda world: _set_quota(world.no_pods, "pods", 10),
    "jobs-quota": lambda world: _set_quota(world.no_jobs, "count/jobs.batch", 10),
    "name-taken": _give_the_name_back,
    "image-missing": _bring_the_image,
}


@pytest.fixture(scope="module")
def mended(world: World) -> Iterator[World]:
    """The world, once every fault was seen and those that can be were mended."""
    for case in WAITING:
        _told(world, case)
    for mend in MENDED.values():
        mend(world)
    yield world
    if own := world.place.cluster.own:
        own.node.containerd.ctr("images", "remove", _image(world, f"later-{world.label}"))
    world.place.cluster.kubectl("label", "nodes", "--all", f"thinksafe.dev/{world.label}-")


@pytest.mark.parametrize("case", [c for c in WAITING if c.name in MENDED], ids=str)
def test_once_it_is_mended_the_run_goes_on_by_itself(mended: World, case: Case) -> None:
    if case.name == "image-missing" and not mended.place.cluster.own:
        pytest.skip("only a node of our own can be given an image by name")

    def went_on(status: dict) -> bool:
        return condition(status, "Prepared").get("status") == "True" and "generate" in status["message"]

    _, status = mended.diary.first((mended.of(case).name, case.name), went_on, "going on", seconds=600)
    (prepare,) = [s for s in status["stages"] if s["name"] == "prepare"]
    assert (prepare["attempt"], prepare["failures"]) == (1, 0), "waiting is no failed attempt"
    assert condition(status, "Stalled")["status"] == "False"


def test_every_reason_that_was_told_is_of_the_closed_list(world: World) -> None:
    told = {
        c["reason"]
        for case in CASES
        for _, status in world.diary.statuses((world.of(case).name, case.name))
        for c in status.get("conditions", [])
    }
    assert len(told) > 10 and told <= {str(reason) for reason in Reason}


def test_a_run_that_is_deleted_leaves_nothing(world: World) -> None:
    """Whatever state it is in. Last, for it takes the others' runs away."""
    for where in ("place", "no_pods", "no_jobs"):
        here = getattr(world, where)
        here.kubectl("delete", "thinksaferuns", "--all", "--wait")
    for where in ("place", "no_pods", "no_jobs"):
        getattr(world, where).wait_until_alone(*(c.name for c in CASES if c.where == where))


def test_a_namespace_can_be_deleted_in_the_middle_of_a_stage(installed: ClusterAccess) -> None:
    """Its Jobs cannot replace the pods that go, and would keep the last ones until they have: for ever."""
    with namespace.new(installed, GIVEN) as here:
        here.apply(here.small("run", stages={"prepare": {"podTemplate": _worker(command=["sleep"], args=["3600"])}}))
        here.wait("run", lambda s: s["stages"][0]["state"] == "Running", "running")
        here.cluster.kubectl("delete", "namespace", here.name, "--wait", "--timeout=120s")
