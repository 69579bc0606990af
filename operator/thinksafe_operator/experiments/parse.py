"""A raw ThinkSafeRun as its experiment sees it. Pure."""

from thinksafe.spec.experiment import EXPERIMENT_KIND
from thinksafe_operator import conditions
from thinksafe_operator.experiments.state import Child
from thinksafe_operator.parse import owner_uid


def child(raw: dict, experiment: str) -> Child:
    """`experiment` is the uid of that which it should belong to."""
    meta, spec, status = raw["metadata"], raw.get("spec") or {}, raw.get("status") or {}
    told = status.get("conditions")
    ready = conditions.find(told, "Ready")
    return Child(
        name=meta["name"],
        uid=meta["uid"],
        ours=owner_uid(raw, EXPERIMENT_KIND) == experiment,
        deleting="deletionTimestamp" in meta,
        suspend=bool(spec.get("suspend")),
        phase=status.get("phase") or "Pending",
        stage=status.get("stage") or "",
        progress=status.get("progress") or "",
        gate=status.get("gate") or "Pending",
        reason=ready.get("reason", ""),
        message=status.get("message") or "",
        stalled=conditions.status_of(told, "Stalled") == "True",
        adapter=_adapter(status.get("stages") or []),
        results=tuple(_result(r) for r in status.get("results") or [] if "aligned" in r),
    )


def _adapter(stages: list[dict]) -> str:
    """The digest of what the stage train has made."""
    return next(((s.get("artifacts") or {}).get("adapter", "") for s in stages if s["name"] == "train"), "")


def _result(result: dict) -> dict:
    return {k: result[k] for k in ("kind", "benchmark", "aligned")}
