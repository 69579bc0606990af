"""Kueue's part, played: it cannot be installed here. From its documented behaviour for batch/v1 Jobs:

- a Job with the label kueue.x-k8s.io/queue-name is suspended when it is made (here by a MutatingAdmissionPolicy, there
  by a webhook), and a Workload with the label kueue.x-k8s.io/job-uid, owned by the Job, says why it waits;
- admission writes a flavor's node selector and labels into the Job's pod template and lets the Job go, in one update;
- preemption says Evicted, suspends the Job, and takes out again what admission wrote once the Job has stopped;
- a queue that does not exist is told by QuotaReserved=False with the reason Inadmissible.

What it does not play: quota itself, flavors, cohorts, webhooks that refuse changes.
"""

import json
import threading
import time
from datetime import UTC, datetime

from cluster.crds import wait_until_served
from e2e.namespace import Namespace

GROUP, VERSION = "kueue.x-k8s.io", "v1beta2"
QUEUE = f"{GROUP}/queue-name"
FLAVOR = {"thinksafe.dev/flavor": "played"}  # on the pods, and a label that the admitted pods' node must have
MANAGER = "kueue-job-controller"
WAITING = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor played"
PREEMPTED = "Preempted to accommodate a workload (UID: other) due to prioritization in the ClusterQueue"

POLICY_SECONDS = 60

_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": f"workloads.{GROUP}"},
    "spec": {
        "group": GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Workload", "plural": "workloads", "singular": "workload", "shortNames": ["wl"]},
        "versions": [{
            "name": VERSION, "served": True, "storage": True, "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }],
    },
}  # fmt: skip


class Kueue:
    """The admission policy and the controller for the Jobs of one namespace. Use it as a context.

    `queues` are the LocalQueues that exist. Nothing is admitted unless a test says so.
    """

    def __init__(self, namespace: Namespace, queues: tuple[str, ...]) -> None:
        self._namespace, self._queues = namespace, queues
        self._closed, self._trouble = threading.Event(), ""
        self._thread = threading.Thread(target=self._work, name="kueue", daemon=True)

    def __enter__(self) -> "Kueue":
        self._namespace.cluster.kubectl("apply", "-f", "-", input=json.dumps(_CRD))
        wait_until_served(self._namespace.cluster, f"/apis/{GROUP}/{VERSION}/workloads")
        self._namespace.cluster.kubectl("apply", "-f", "-", input=json.dumps(self._policy()))
        self._wait_for_the_policy()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._thread.join()
        name = self._namespace.name
        for kind in ("mutatingadmissionpolicybinding", "mutatingadmissionpolicy"):
            self._namespace.cluster.kubectl("delete", kind, name, check=False)
        assert not self._trouble, self._trouble

    def _wait_for_the_policy(self) -> None:
        """The API server takes a policy up a while after it was made: until then Jobs would run past the queue."""
        pod = {"restartPolicy": "Never", "containers": [{"name": "probe", "image": "probe"}]}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "probe", "labels": {QUEUE: "probe"}},
               "spec": {"template": {"spec": pod}}}  # fmt: skip
        end = time.monotonic() + POLICY_SECONDS
        while time.monotonic() < end:
            made = self._namespace.kubectl("create", "--dry-run=server", "-ojson", "-f", "-", input=json.dumps(job))
            if json.loads(made)["spec"].get("suspend"):
                return
            time.sleep(0.5)
        raise RuntimeError(f"the admission policy does nothing after {POLICY_SECONDS} s")

    # --- what a test has it do --------------------------------------------------------------------------------------

    def admit(self, job: str) -> None:
        self._say(
            job,
            QuotaReserved=(True, "QuotaReserved", "Quota reserved in ClusterQueue played"),
            Admitted=(True, "Admitted", "The workload is admitted"),
            Evicted=(False, "QuotaReserved", ""),
        )
        template = {"metadata": {"labels": FLAVOR}, "spec": {"nodeSelector": FLAVOR}}
        self._patch(job, {"spec": {"suspend": False, "template": template}})

    def preempt(self, job: str) -> None:
        self._say(
            job,
            QuotaReserved=(False, "Pending", PREEMPTED),
            Admitted=(False, "NoReservation", ""),
            Evicted=(True, "Preempted", PREEMPTED),
        )
        self._patch(job, {"spec": {"suspend": True}})
        self._namespace.kubectl("wait", f"job/{job}", "--for=condition=Suspended", "--timeout=60s")
        self._patch(job, {"status": {"startTime": None}}, "--subresource=status")
        nothing = dict.fromkeys(FLAVOR)
        self._patch(job, {"spec": {"template": {"metadata": {"labels": nothing}, "spec": {"nodeSelector": nothing}}}})

    # --- what it does by itself -------------------------------------------------------------------------------------

    def _work(self) -> None:
        """A Workload for every Job of a queue."""
        while not self._closed.wait(0.5):
            try:
                known = {w["metadata"]["name"] for w in self._namespace.find(f"workloads.{GROUP}")}
                for job in self._namespace.find("jobs", QUEUE):
                    if _workload_name(job["metadata"]["name"]) not in known:
                        self._take_up(job)
            except RuntimeError as error:
                if "not found" not in str(error) and "terminat" not in str(error):
                    self._trouble = str(error)

    def _take_up(self, job: dict) -> None:
        meta = job["metadata"]
        if not job["spec"].get("suspend"):
            raise RuntimeError(f"Job {meta['name']} was not suspended when it was made")
        queue = meta["labels"][QUEUE]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"]}
        labels = {f"{GROUP}/job-uid": meta["uid"]}
        self._namespace.apply({
            "apiVersion": f"{GROUP}/{VERSION}", "kind": "Workload",
            "metadata": {"name": _workload_name(meta["name"]), "labels": labels,
                         "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}]},
            "spec": {"queueName": queue, "active": True},
        })  # fmt: skip
        if queue in self._queues:
            self._say(meta["name"], QuotaReserved=(False, "Pending", WAITING))
        else:
            self._say(meta["name"], QuotaReserved=(False, "Inadmissible", f"LocalQueue {queue} doesn't exist"))

    def _say(self, job: str, **conditions: tuple[bool, str, str]) -> None:
        """Set conditions of the Job's Workload."""
        name, now = _workload_name(job), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        raw = json.loads(self._namespace.kubectl("get", f"workload.{GROUP}", name, "-o", "json"))
        told = {c["type"]: c for c in raw.get("status", {}).get("conditions", [])}
        for kind, (status, reason, message) in conditions.items():
            told[kind] = {"type": kind, "status": str(status), "reason": reason, "message": message,
                          "lastTransitionTime": now, "observedGeneration": 1}  # fmt: skip
        patch = json.dumps({"status": {"conditions": list(told.values())}})
        self._namespace.kubectl(
            "patch", f"workload.{GROUP}", name, "--type=merge", "--subresource=status", f"--patch={patch}",
            f"--field-manager={MANAGER}",
        )  # fmt: skip

    def _patch(self, job: str, patch: dict, *more: str) -> None:
        self._namespace.kubectl(
            "patch", "job", job, "--type=merge", f"--patch={json.dumps(patch)}", f"--field-manager={MANAGER}", *more
        )

    def _policy(self) -> dict:
        """Kueue's webhook for new Jobs, as a policy: in this namespace alone."""
        here = {"matchLabels": {"kubernetes.io/metadata.name": self._namespace.name}}
        rule = {"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}
        suspend = "Object{spec: Object.spec{suspend: true}}"
        policy = {
            "matchConstraints": {
                "namespaceSelector": here,
                "objectSelector": {"matchExpressions": [{"key": QUEUE, "operator": "Exists"}]},
                "resourceRules": [rule],
            },
            "failurePolicy": "Fail",
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": suspend}}],
        }
        api, name = "admissionregistration.k8s.io/v1", self._namespace.name
        return {"apiVersion": "v1", "kind": "List", "items": [
            {"apiVersion": api, "kind": "MutatingAdmissionPolicy", "metadata": {"name": name}, "spec": policy},
            {"apiVersion": api, "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": name},
             "spec": {"policyName": name}},
        ]}  # fmt: skip


def _workload_name(job: str) -> str:
    return f"job-{job}"
