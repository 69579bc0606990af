"""An operator whose decisions are the simplest that use everything (the real ones have tests of their own), and the
passes of a run through it, against an API server in a dict."""

from unit.operator import raws
from unit.operator.fake_api import Crash, FakeApi

from thinksafe_operator import reconcile
from thinksafe_operator.children import Jobs, Pods, Workloads
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.health import Echo
from thinksafe_operator.names import job_name
from thinksafe_operator.observe import Observer
from thinksafe_operator.progress import Heard
from thinksafe_operator.queue import Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Decision, Event

KEY = ("ns", "r")

STAGES = ("prepare", "train")

SETTINGS = Settings(worker_image="worker")


def decide(run, seen, now):
    """Two stages after each other, each with one Job, deleted once its end is recorded; the run goes at the end."""
    stages = [dict(s) for s in run.status.get("stages") or [{"name": n, "state": "Waiting"} for n in STAGES]]
    status = {"phase": "Running", "stages": stages, "nothing": None}
    if run.deleting:
        return Decision(run.status)
    for stage in stages:
        if stage["state"] == "Succeeded":
            continue
        if stage["state"] == "Waiting":
            stage |= {"state": "Running", "attempt": 1}
            return Decision(status, create=(Attempt(stage["name"], 1),))
        job = next((j for j in seen.jobs if j.stage == stage["name"]), None)
        if seen.refused:
            stage |= {"state": "Waiting"}
            return Decision({**status, "phase": "Pending", "message": seen.refused[1]}, requeue_after=60)
        if job is None:
            return Decision(status, create=(Attempt(stage["name"], 1),))
        if job.finished:
            stage |= {"state": "Succeeded", "words": len([p for p in seen.pods if p.words])}
            return Decision(status, delete=(job,), events=(Event("Normal", "Committed", stage["name"]),))
        return Decision(status, requeue_after=30)
    return Decision({**status, "phase": "Succeeded"})


def children(run, attempt, settings):
    """A ConfigMap and a Job, as the real ones look from outside."""
    name = job_name(run.name, run.uid, attempt.stage, attempt.attempt)
    body = raws.job(name, owner=run.uid, stage=attempt.stage, attempt=attempt.attempt)
    body["kind"], body["spec"] = "Job", {}
    del body["metadata"]["resourceVersion"]
    manifest = {"kind": "ConfigMap", "metadata": {**body["metadata"], "name": "manifest"}}
    return [manifest, body]


class Operator:
    """One process of the operator: its memory goes with it."""

    def __init__(self, api, *, decide=decide, children=children):
        self.queue, self.heard = Queue(), Heard()
        self.jobs = Jobs(self.queue)
        self.pods = Pods(self.queue, self.jobs)
        self.of_jobs, self.of_pods = Complaints(self.queue, self.jobs), Complaints(self.queue, self.pods)
        workloads = Workloads(self.queue, self.jobs)
        observe = Observer(api, self.jobs, self.pods, workloads, self.heard, self.of_jobs, self.of_pods)
        self.observe = observe
        self.reconcile = reconcile.Reconciler(
            api, observe, decide, children, SETTINGS, queue=self.queue, echo=Echo(), clock=lambda: 1e9
        )


def fresh():
    """An API server with one new run."""
    api = FakeApi()
    api.put("thinksaferuns", raws.run())
    return api


def finish_jobs(api):
    """Be the Job controller: every Job has ended well, and its pod said so."""
    for (plural, _, name), job in list(api.objects.items()):
        if plural == "jobs" and not job.get("status", {}).get("conditions", [])[1:]:
            job["status"] = raws.job(finished="Complete")["status"]
            pod = raws.pod(f"{name}-0", uid=f"{name}-0", phase="Succeeded")
            end = {"exitCode": 0, "message": '{"code": 0}'}
            pod["status"]["containerStatuses"] = [raws.container(terminated=end)]
            pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] = job["metadata"]["uid"]
            api.put("pods", pod)


async def settle(api, operator=None, passes=20):
    """Passes and finished Jobs until the run has ended; a failed pass is repeated, as the queue would."""
    for _ in range(passes):
        operator = operator or Operator(api)
        try:
            await operator.reconcile(KEY)
        except ApiError:
            continue
        except Crash:
            operator = None
            continue
        if api.run().get("status", {}).get("phase") == "Succeeded":
            return
        finish_jobs(api)
    raise AssertionError("the run does not end")


def outcome(api):
    return api.run()["status"], api.names("jobs"), dict(api.made)
