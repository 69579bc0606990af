"""Raw objects of the API as the operator's own small values. Pure.

Only what a decision needs is kept: a raw pod is 10 kB, and there are thousands.
"""

import json
import re
from datetime import UTC, datetime

from thinksafe_operator.names import LABEL_ATTEMPT, LABEL_RUN, LABEL_RUN_UID, LABEL_STAGE
from thinksafe_operator.state import Job, Pod, Progress, Run, Workload

WORKER = "worker"  # the container that does the work; others (sidecars of a podTemplate) say nothing of the stage
_MESSAGE = 1000  # characters kept of a message
_NODE = re.compile(r"[a-z0-9-]{0,40}")  # an artifact's name; none while no worker has told of one yet
_WORD = re.compile(r"[A-Za-z]{1,40}")
_PROGRESS = "thinksafe-progress "


def unix(text: str) -> float:
    """An RFC 3339 time as Unix seconds."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def owner_uid(raw: dict, kind: str = "ThinkSafeRun") -> str:
    """The uid of the object's controller if it is of this kind, else ""."""
    for owner in raw["metadata"].get("ownerReferences") or []:
        if owner.get("controller") and owner.get("kind") == kind:
            return owner["uid"]
    return ""


def run_name(raw: dict) -> str:
    """The run that a child belongs to by its label; its full name, since a label holds 63 characters."""
    return (raw["metadata"].get("labels") or {}).get(LABEL_RUN, "")


def run_uid(raw: dict) -> str:
    return (raw["metadata"].get("labels") or {}).get(LABEL_RUN_UID, "")


def parse_run(raw: dict) -> Run:
    meta = raw["metadata"]
    return Run(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        generation=meta.get("generation", 1),
        created=unix(meta["creationTimestamp"]),
        deleting="deletionTimestamp" in meta,
        spec=raw.get("spec") or {},
        status=raw.get("status") or {},
    )


def parse_job(raw: dict, owner: str, kind: str = "ThinkSafeRun") -> Job:
    """`owner` is the uid of the run, or of what else is of this kind, that it should belong to."""
    meta, status = raw["metadata"], raw.get("status") or {}
    stage, attempt = _stage(meta)
    met = [c for c in status.get("conditions") or [] if c["status"] == "True"]
    end = next((c for c in met if c["type"] in ("Complete", "Failed")), {})
    return Job(
        name=meta["name"],
        uid=meta["uid"],
        stage=stage,
        attempt=attempt,
        created=unix(meta["creationTimestamp"]),
        ours=owner_uid(raw, kind) == owner,
        deleting="deletionTimestamp" in meta,
        suspended=bool((raw.get("spec") or {}).get("suspend")),
        active=status.get("active") or 0,
        ready=status.get("ready") or 0,
        succeeded=status.get("succeeded") or 0,
        failed=status.get("failed") or 0,
        finished=end.get("type"),
        reason=end.get("reason", ""),
        message=end.get("message", "")[:_MESSAGE],
        finished_at=_time(end.get("lastTransitionTime")),
    )


def parse_pod(raw: dict) -> Pod:
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    stage, attempt = _stage(meta)
    containers = status.get("containerStatuses") or []
    worker = next((c for c in containers if c["name"] == WORKER), {}).get("state") or {}
    conditions = {c["type"]: c for c in status.get("conditions") or []}
    end = worker.get("terminated") or {}
    waiting = _waiting([*(status.get("initContainerStatuses") or []), *containers])
    return Pod(
        name=meta["name"],
        stage=stage,
        attempt=attempt,
        index=_index(meta),
        phase=status.get("phase", "Unknown"),
        created=unix(meta["creationTimestamp"]),
        node=spec.get("nodeName", ""),
        waiting=waiting.get("reason", ""),
        waiting_message=waiting.get("message", "")[:_MESSAGE],
        unschedulable=_unschedulable(conditions.get("PodScheduled", {})),
        exit_code=end.get("exitCode"),
        # A pod that never started a container (evicted, rejected by the node) has its reason at the top.
        terminated=end.get("reason", "") or status.get("reason", ""),
        finished_at=_time(end.get("finishedAt")),
        words=words(end.get("message", "")),
        disrupted=conditions.get("DisruptionTarget", {}).get("status") == "True",
        evicted=status.get("message", "")[:_MESSAGE] if status.get("reason") == "Evicted" else "",
        running="running" in worker,
    )


def parse_workload(raw: dict) -> Workload:
    """Whether it has its quota, and if not, the newer of the two things that say why: waiting, or put out again."""
    conditions = {c["type"]: c for c in (raw.get("status") or {}).get("conditions") or []}
    reserved, evicted = conditions.get("QuotaReserved", {}), conditions.get("Evicted", {})
    told = reserved
    if reserved.get("status") != "True" and evicted.get("status") == "True":
        told = max(reserved, evicted, key=lambda c: c.get("lastTransitionTime", ""))
    return Workload(reserved.get("status") == "True", told.get("reason", ""), told.get("message", "")[:_MESSAGE])


def warning(raw: dict) -> tuple[float, str, str]:
    """Of a core/v1 event: when last, reason, message."""
    when = raw.get("lastTimestamp") or raw.get("eventTime") or raw["metadata"]["creationTimestamp"]
    return unix(when), raw.get("reason", ""), raw.get("message", "")[:_MESSAGE]


def words(text: str) -> dict | None:
    """A worker's last words, if these are: a JSON object with a numeric code. A log's tail is not."""
    if not text.startswith("{"):
        return None
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) and type(said.get("code")) is int else None


def progress(log: str) -> Progress | None:
    """The last line of a worker's log that tells its progress; None if there is none or it is not whole."""
    for line in reversed(log.splitlines()):
        at = line.find(_PROGRESS)  # a progress bar may stand before it on the line
        if at < 0:
            continue
        try:
            told = json.loads(line[at + len(_PROGRESS) :])
            return _progress(told)
        except (ValueError, TypeError, KeyError, OverflowError):
            continue
    return None


def _progress(told: dict) -> Progress:
    # It is read from a log, where anything may stand: only numbers and an artifact's name get through.
    if not _NODE.fullmatch(told["node"]):
        raise ValueError("no artifact's name")
    trouble = told.get("trouble")
    return Progress(
        node=told["node"],
        rows=_count(told["rows"]),
        total=_count(told["total"]),
        chunks=_count(told["chunks"]),
        tokens=_count(told["tokens"]),
        seconds=_number(told["seconds"]),
        device_seconds=_number(told["device_seconds"]),
        updated=_number(told["updated"]),
        trouble=trouble if isinstance(trouble, str) and _WORD.fullmatch(trouble) else "",
    )


def _count(value: object) -> int:
    return int(_number(value))


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        raise ValueError("no sensible number")
    return float(value)


def _stage(meta: dict) -> tuple[str, int]:
    labels = meta.get("labels") or {}
    attempt = labels.get(LABEL_ATTEMPT, "")
    return labels.get(LABEL_STAGE, ""), int(attempt) if attempt.isdigit() else 0


def _index(meta: dict) -> int:
    key = "batch.kubernetes.io/job-completion-index"
    value = (meta.get("annotations") or {}).get(key) or (meta.get("labels") or {}).get(key) or ""
    return int(value) if value.isdigit() else 0


def _waiting(statuses: list[dict]) -> dict:
    """The first container that waits for more than its turn: the one that holds up the pod."""
    found = [c["state"]["waiting"] for c in statuses if "waiting" in (c.get("state") or {})]
    trouble = [w for w in found if w.get("reason") not in ("PodInitializing", "ContainerCreating")]
    return next(iter(trouble + found), {})


def _unschedulable(condition: dict) -> str:
    if condition.get("status") != "False" or condition.get("reason") != "Unschedulable":
        return ""
    return condition.get("message", "")[:_MESSAGE] or "no node fits"


def _time(text: str | None) -> float | None:
    return unix(text) if text else None
