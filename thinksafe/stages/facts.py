"""What a stage that is done tells the operator beside its digests: numbers and verdicts, never a row."""

import json

from thinksafe.analysis import gate, retention
from thinksafe.stages.run import Run

MOST_RESULTS = 12
SENTENCE = 200


def facts(run: Run, stage: str) -> dict:
    """Fields of the last words of a stage whose artifacts are complete; most stages have none of their own."""
    tell = {"prepare": _prepared, "train": _trained, "report": _reported}.get(stage)
    return tell(run) if tell else {}


def _prepared(run: Run) -> dict:
    """Which stages need not run, and how many chunks the others will have."""
    return {
        "held": [stage for stage in run.plan.stages if run.is_done(stage)],
        "chunks": run.artifact("prompts").manifest()["chunks"],
    }


def _trained(run: Run) -> dict:
    """What the guard kept, by label: the size of the data set that the adapter is trained on."""
    manifest = run.artifact("dataset").manifest()
    labels = retention.by_label(manifest["counts"], manifest["prompts"])
    return {"counts": {what: {r["label"]: r[what] for r in labels} for what in ("kept", "total")}}


def _reported(run: Run) -> dict:
    summary = json.loads(run.artifact("report").get_file("summary.json"))
    passed, store = summary["gate"]["passed"], run.store.uri.rstrip("/")
    return {
        "gate": {
            "passed": passed,
            "failed": [rule["sentence"][:SENTENCE] for rule in summary["gate"]["rules"] if not rule["passed"]],
        },
        "results": [
            {
                "kind": kind,
                "benchmark": benchmark,
                "base": base["value"] if base else None,
                "aligned": aligned["value"] if aligned else None,
            }
            for (kind, benchmark), (base, aligned) in gate.primary_pairs(summary["metrics"]).items()
        ][:MOST_RESULTS],
        "report": f"{store}/{run.prefix}/index.html",
        "adapter": f"{store}/{run.released}" if passed else None,
    }
