"""The largest status there can be."""

from thinksafe import status as statuses

NOW = "2026-01-01T00:00:00Z"


def worst_status() -> dict:
    """Eight rungs on the ladder, every stage failed before, on nodes with long names, and every message is long."""
    words = "é" * statuses.MAX_MESSAGE
    ladder = [f"{s}-{rung}" for rung in range(2, 10) for s in ("generate", "filter")]
    names = ["prepare", "generate", "filter", *ladder, "train", "evaluate", "report"]
    failure = {"code": 137, "reason": "OutOfMemory", "message": words, "hint": words, "node": "n" * 253, "time": NOW}
    stage = {
        "state": "Failed", "job": "j" * 63, "attempt": 999, "failures": 999, "disruptions": 999, "startTime": NOW,
        "completionTime": NOW, "chunks": 10**6, "totalChunks": 10**6, "rows": 10**9, "totalRows": 10**9,
        "tokens": 10**14, "tokensPerSecond": 1234567.891, "gpuSeconds": 123456789.123, "progressTime": NOW,
        "artifacts": {f"verdicts-{x}": "f" * 64 for x in "abcd"}, "lastFailure": failure,
        "avoidNodes": ["n" * 253] * 16,
    }  # fmt: skip
    conditions = [
        {"type": type_, "status": "Unknown", "observedGeneration": 99, "lastTransitionTime": NOW,
         "reason": "PendingDeadlineExceeded", "message": words}
        for type_ in (*statuses.CONDITIONS, statuses.QUOTA_RESERVED)
    ]  # fmt: skip
    result = {"kind": "accuracy", "benchmark": "tiny-harmful-categories", "base": 0.123456789, "aligned": 0.987654321}
    return {
        "phase": "Failed", "observedGeneration": 99, "startTime": NOW, "completionTime": NOW, "stage": "train",
        "progress": "p" * 63, "gate": "Pending", "message": words, "report": "r" * 1024, "adapter": "a" * 1024,
        "kept": 10**9, "judged": 10**9, "results": [result] * statuses.MAX_RESULTS, "conditions": conditions,
        "stages": [{"name": name, **stage} for name in names],
    }  # fmt: skip
