"""The passes of one experiment in which everything happens that is written for, against an API server in a dict.

Two runs at a time; the comparison before a further round is on when the user suspends all of it and resumes it; one
run fails, one does not pass its gate, one is refused. At the end the report is made, and the time to live is over.
"""

from collections import Counter

from unit.operator import raws
from unit.operator.experiments.world import ADAPTER, REPORT, RUN, spec
from unit.operator.fake_api import Crash, FakeApi

from thinksafe_operator.children import Jobs
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.experiments.observe import Observer
from thinksafe_operator.experiments.reconcile import Reconciler
from thinksafe_operator.health import Echo
from thinksafe_operator.names import EXPERIMENTS
from thinksafe_operator.queue import Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import Resource
from thinksafe_operator.settings import Settings

KEY = ("ns", "e")
ENDS = {"e-a": "Succeeded", "e-b": "Failed", "e-c": "Succeeded", "e-d": "GateFailed"}
SPEC = {
    **spec("a", "b", {"name": "c", "generatorFrom": "a"}, "d", "e", parallelism=2, stop={}, ttlSecondsAfterFinished=0),
    "run": {**RUN, "storage": {"uri": "s3://bucket", "credentialsSecret": "s3"}},
}


class Api(FakeApi):
    """One whose policy does not let the variant e have a run."""

    async def create(self, resource: Resource, namespace: str, body: dict) -> dict:
        if body["metadata"]["name"] != "e-e":
            return await super().create(resource, namespace, body)

        def refuse() -> dict:
            raise ApiError(403, "Forbidden", "denied request: the image is not allowed here")

        return await self._call("create", resource.plural, refuse)


class Operator:
    """One process of the operator: its memory goes with it."""

    def __init__(self, api: FakeApi) -> None:
        queue = Queue(what="experiment")
        observe = Observer(api, Complaints(queue, Jobs(queue)), lambda: None)
        settings = Settings(worker_image="worker")
        self.reconcile = Reconciler(api, observe, settings, queue=queue, echo=Echo(), clock=lambda: 1e9)


def fresh() -> Api:
    """An API server with one new experiment."""
    api = Api()
    raw = {**raws.run("e", "uid"), "kind": "ThinkSafeExperiment", "spec": SPEC}
    api.put(EXPERIMENTS, raw)
    return api


def experiment(api: FakeApi) -> dict | None:
    return api.objects.get((EXPERIMENTS, *KEY))


def go_on(api: FakeApi) -> None:
    """Be the user, the runs and the Job controller: each does what comes next for it."""
    _suspend_or_resume(api)
    raw = experiment(api)
    resumed = raw is None or raw["metadata"]["generation"] == 3
    for (plural, _, name), there in list(api.objects.items()):
        if plural == "thinksaferuns":
            if there["spec"].get("suspend"):
                there["status"] = {"phase": "Suspended"}
            else:
                there["status"] = _ended(ENDS[name]) if resumed or name == "e-a" else {"phase": "Running"}
        elif plural == "jobs" and resumed and "status" not in there:
            _end_job(api, there)


async def settle(api: FakeApi, passes: int = 40) -> dict:
    """Passes until the experiment is gone; a failed one is repeated, as the queue would. Its last status."""
    operator, status = None, {}
    for _ in range(passes):
        operator = operator or Operator(api)
        try:
            await operator.reconcile(KEY)
            go_on(api)
        except ApiError:
            pass
        except Crash:
            operator = None
        if (raw := experiment(api)) is None:
            return status
        status = raw.get("status", {})
    raise AssertionError("the experiment does not end")


def told(api: FakeApi) -> Counter[tuple[str, str]]:
    """How often each event was told: its reason and its words."""
    return Counter((e["reason"], e["note"]) for (plural, _, _), e in api.objects.items() if plural == "events")


def made(api: FakeApi) -> dict[str, int]:
    """How often there was an object of each name, but for the events. A comparison's two objects share theirs."""
    events = set(api.names("events"))
    return {name: times for name, times in api.made.items() if name not in events}


def _suspend_or_resume(api: FakeApi) -> None:
    """Once, when a comparison is on; and again as soon as it has come to rest."""
    if (raw := experiment(api)) is None:
        return
    phase, generation = raw.get("status", {}).get("phase"), raw["metadata"]["generation"]
    if (generation == 1 and api.names("jobs")) or (generation == 2 and phase == "Suspended"):
        raw["metadata"]["generation"] = generation + 1
        raw["spec"] = {**raw["spec"], "suspend": generation == 1}
        api.put(EXPERIMENTS, raw)


def _ended(phase: str) -> dict:
    return {
        "phase": phase,
        "gate": {"Succeeded": "Passed", "GateFailed": "Failed"}.get(phase, "Pending"),
        "message": f"It is {phase}",
        "stages": [{"name": "train", "artifacts": {"adapter": ADAPTER}}],
        "results": [{"kind": "harmful", "benchmark": "tiny-harmful", "aligned": 0.1}],
    }


def _end_job(api: FakeApi, job: dict) -> None:
    words = f'{{"code": 0, "report": "{REPORT}", "rounds": {{"a": {{"go": true, "why": "So it is."}}}}}}'
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    job["status"] = raws.job(finished="Complete")["status"]
    pod = raws.pod(f"{name}-0", uid=f"{name}-0", job=uid, stage="compare", phase="Succeeded")
    pod["metadata"]["labels"] |= {
        "batch.kubernetes.io/controller-uid": uid,
        "thinksafe.dev/attempt": job["metadata"]["labels"]["thinksafe.dev/attempt"],
    }
    pod["status"]["containerStatuses"] = [raws.container(terminated={"exitCode": 0, "message": words})]
    api.put("pods", pod)
