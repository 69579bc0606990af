"""Runs as an API server gives them, at moments worth looking at."""

from datetime import UTC, datetime

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC).timestamp()
STAGES = ("prepare", "generate", "filter", "train", "evaluate", "report")
RESULTS = [
    {"kind": "harmful", "benchmark": "harmbench", "base": 0.5471, "aligned": 0.0312},
    {"kind": "refusal", "benchmark": "xstest", "base": 0.012, "aligned": 0.024},
    {"kind": "accuracy", "benchmark": "math500", "base": 0.934, "aligned": 0.931},
]


def at(seconds_ago: float) -> str:
    """A time of the API, so long before NOW."""
    return datetime.fromtimestamp(NOW - seconds_ago, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(name: str = "qwen3-8b", *, spec: dict | None = None, **status: object) -> dict:
    """A run with this status, none at all if nothing is said of it."""
    metadata = {
        "name": name, "namespace": "alignment", "uid": f"uid-of-{name}", "creationTimestamp": at(3600),
        "resourceVersion": "77", "generation": 1,
    }  # fmt: skip
    made = {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeRun", "metadata": metadata}
    made["spec"] = {
        "model": {"name": "Qwen/Qwen3-8B", "dtype": "bfloat16"}, "prompts": [{"source": "hf://UWNSL/SafeChain"}],
        "training": {"epochs": 3}, **(spec or {}),
    }  # fmt: skip
    return {**made, "status": status} if status else made


def ready(reason: str, *, stalled: bool = False) -> list[dict]:
    """The conditions that a person's view rests on."""
    return [
        {"type": "Ready", "status": "False", "reason": reason, "message": ""},
        {"type": "Stalled", "status": str(stalled), "reason": reason, "message": ""},
    ]


def stages(*told: dict) -> list[dict]:
    """All stages of a run; those that nothing is told of are waiting."""
    by_name = {s["name"]: s for s in told}
    return [{"name": n, "state": "Waiting", "attempt": 0, "failures": 0} | by_name.get(n, {}) for n in STAGES]


PREPARED = {
    "name": "prepare", "state": "Succeeded", "attempt": 1, "startTime": at(2500), "completionTime": at(2488),
    "rows": 40000,
}  # fmt: skip
GENERATING = {
    "name": "generate", "state": "Running", "attempt": 1, "startTime": at(2400), "progressTime": at(8), "rows": 14800,
    "totalRows": 40000, "tokens": 61_000_000, "tokensPerSecond": 25600.4, "gpuSeconds": 19200.0,
}  # fmt: skip


def running() -> dict:
    return run(
        phase="Running", stage="generate", progress="37%", gate="Pending", startTime=at(2500),
        message="generate is running", conditions=ready("Running"), stages=stages(PREPARED, GENERATING),
    )  # fmt: skip


def waiting() -> dict:
    message = (
        "generate, pod qwen3-8b-generate-1f2e3d-1-0: no node takes it: 0/3 nodes are available: 3 Insufficient "
        "nvidia.com/gpu. Add a node that fits, or lower resources, nodeSelector or tolerations in a new run"
    )
    queued = {"name": "generate", "state": "Queued", "attempt": 1}
    return run(
        phase="Queued", stage="generate", gate="Pending", startTime=at(2500), message=message,
        conditions=ready("Unschedulable"), stages=stages(PREPARED, queued),
    )  # fmt: skip


def failed() -> dict:
    message = (
        "train, pod qwen3-8b-train-1f2e3d-3-0 on node gpu-7: it was killed because it used more memory than its "
        "limit. Raise resources.limits.memory of the stage, or lower chunkRows or tokensPerPack"
    )
    failure = {"code": 137, "reason": "OutOfMemory", "message": message}
    train = {
        "name": "train", "state": "Failed", "attempt": 3, "failures": 3, "startTime": at(900),
        "completionTime": at(60), "lastFailure": failure,
    }  # fmt: skip
    cached = [{"name": n, "state": "Cached"} for n in ("generate", "filter")]
    return run(
        phase="Failed", stage="train", gate="Pending", startTime=at(2500), completionTime=at(60), message=message,
        conditions=ready("OutOfMemory", stalled=True), stages=stages(PREPARED, *cached, train),
    )  # fmt: skip


def succeeded(name: str = "qwen3-8b", **more: object) -> dict:
    done = [
        {"name": n, "state": "Succeeded", "attempt": 1, "startTime": at(2500 - 300 * i),
         "completionTime": at(2230 - 300 * i), "rows": 1000 * (i + 1), "tokens": 5_000_000, "gpuSeconds": 2160.0}
        for i, n in enumerate(STAGES)
    ]  # fmt: skip
    return run(name, **{
        "phase": "Succeeded", "stage": "report", "gate": "Passed", "startTime": at(2500), "completionTime": at(700),
        "message": "The gate is passed; the adapter is at s3://lab/runs/released/qwen3-8b/0f",
        "conditions": ready("Complete"), "stages": stages(*done), "results": RESULTS, "kept": 31880, "judged": 40000,
        "report": f"s3://lab/runs/runs/alignment/{name}/uid-of-{name}/index.html",
        "adapter": f"s3://lab/runs/released/{name}/0f", **more,
    })  # fmt: skip


def tall(rungs: int = 8) -> dict:
    """A run with a ladder, in the middle of it."""
    names = [f"{s}-{r}" if r > 1 else s for r in range(1, rungs + 1) for s in ("generate", "filter")]
    at_stage = names.index("generate-5")
    told = [{"name": "prepare", "state": "Succeeded", "attempt": 1}]
    told += [{"name": n, "state": "Succeeded", "attempt": 1} for n in names[:at_stage]]
    told += [{"name": "generate-5", "state": "Running", "attempt": 1, "rows": 5, "totalRows": 10}]
    later = (*names[at_stage + 1 :], "train", "evaluate", "report")
    told += [{"name": n, "state": "Waiting", "attempt": 0} for n in later]
    return run(phase="Running", stage="generate-5", progress="50%", startTime=at(900), stages=told)
