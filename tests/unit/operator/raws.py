"""Raw objects as the API server gives them, with what a test is about."""

from datetime import UTC, datetime

GROUP = "thinksafe.dev"
BORN = "2026-11-24T10:00:00Z"


def run(name="r", uid="run-1", **meta):
    return {
        "apiVersion": f"{GROUP}/v1alpha1",
        "kind": "ThinkSafeRun",
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid,
            "generation": 1,
            "creationTimestamp": BORN,
            "resourceVersion": "1",
            **meta,
        },
        "spec": {},
    }


def _labels(run_name, run_uid, stage, attempt):
    return {
        "app.kubernetes.io/managed-by": "thinksafe-operator",
        f"{GROUP}/run": run_name,
        f"{GROUP}/run-uid": run_uid,
        f"{GROUP}/stage": stage,
        f"{GROUP}/attempt": str(attempt),
    }


def job(name="r-train-1", uid="job-1", owner="run-1", stage="train", attempt=1, finished=None, run_name="r", **status):
    conditions = [{"type": "Suspended", "status": "False", "lastTransitionTime": BORN}]
    if finished:
        # What the Job controller writes before the terminal condition must not be taken for it.
        conditions += [
            {"type": "SuccessCriteriaMet", "status": "True", "lastTransitionTime": BORN},
            {
                "type": finished,
                "status": "True",
                "reason": "R",
                "message": "m",
                "lastTransitionTime": "2026-11-24T10:05:00Z",
            },
        ]
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid,
            "resourceVersion": "2",
            "creationTimestamp": BORN,
            "labels": _labels(run_name, owner, stage, attempt),
            "ownerReferences": [{"kind": "ThinkSafeRun", "name": run_name, "uid": owner, "controller": True}],
        },
        "spec": {"suspend": False},
        "status": {"conditions": conditions, **status},
    }


def pod(name="r-train-1-0", uid="pod-1", job="job-1", run_uid="run-1", stage="train", phase="Running", **status):
    return {
        "metadata": {
            "name": name,
            "namespace": "ns",
            "uid": uid,
            "resourceVersion": "3",
            "creationTimestamp": BORN,
            "labels": _labels("r", run_uid, stage, 1),
            "annotations": {"batch.kubernetes.io/job-completion-index": "3"},
            "ownerReferences": [{"kind": "Job", "name": "r-train-1", "uid": job, "controller": True}],
        },
        "spec": {"nodeName": "node-7"},
        "status": {"phase": phase, **status},
    }


def container(name="worker", **state):
    return {"name": name, "state": state}


def warning(kind, name, reason, *, about="", uid=None, message="said", when=None):
    """A core/v1 event about a Job or pod (`about`: its uid), of this moment unless `when` is given."""
    when = when or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {
            "name": f"{name}.1", "namespace": "ns", "uid": uid or f"{name}/{reason}", "creationTimestamp": when,
        },
        "involvedObject": {"kind": kind, "namespace": "ns", "name": name, "uid": about},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "lastTimestamp": when,
    }  # fmt: skip
