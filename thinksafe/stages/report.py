"""report (CPU): intervals, failure signatures, the gate's verdict, the web page; publishes if the gate passes."""

import collections
import json
from collections.abc import Iterator

from thinksafe.analysis import agreement, cards, gate, metrics, perplexity, retention, signatures, summary, tilt
from thinksafe.analysis import report as page
from thinksafe.analysis.paper import beside
from thinksafe.plan import further_guards, models_named
from thinksafe.spec import AUTO
from thinksafe.stages.filter import outcomes_of
from thinksafe.stages.release import publish
from thinksafe.stages.run import Run, versions
from thinksafe.stages.train import ladder_rungs, length_bin
from thinksafe.stages.worker import Bench

TINY_NOTE = (
    "This run used the tiny world. Its safety knowledge is planted by its pretraining: the run illustrates the "
    "mechanism and tests the code; it is no evidence for the method."
)


def report(run: Run, bench: Bench) -> None:
    """Make `report`: summary.json, index.html and the cards; a passed gate publishes the adapter."""
    artifact = run.artifact("report")
    if not artifact.is_complete():
        with bench.open("report", total=0):
            document = summarise(run)
            artifact.put_file("summary.json", json.dumps(document, indent=1, sort_keys=True).encode())
            artifact.put_file("index.html", page.render(document).encode())
            artifact.put_file("model-card.md", cards.model_card(document).encode())
            artifact.put_file("dataset-card.md", cards.dataset_card(document).encode())
            run.finish("report", chunks=0)
    for name in artifact.files():
        run.store.put(f"{run.prefix}/{name}", artifact.get_file(name))
    if json.loads(artifact.get_file("summary.json"))["gate"]["passed"]:
        publish(run)


def summarise(run: Run) -> dict:
    """The run's summary (thinksafe.dev/summary/v1) out of its artifacts. No prompt or response is in it."""
    verdicts = list(_verdicts(run))
    measured = metrics.measure(verdicts)
    dataset = run.artifact("dataset").manifest()
    curve = json.loads(run.artifact("adapter").get_file("curve.json"))
    parts = {
        "run": {"name": run.name, "namespace": run.namespace, "uid": run.uid},
        "metrics": measured,
        "paper": beside(run.spec, measured),
        "retention": retention.by_label(dataset["counts"], dataset["prompts"]),
        "coverage": retention.coverage(dataset["counts"], dataset["prompts"]),
        "perplexity": perplexity.estimate(row for row in run.artifact("perplexity").rows() if row["kept"]),
        "tilt": tilt.audit(run.artifact("perplexity").rows()),
        "agreement": _agreement(run),
        "probe": run.artifact("probe-scores").manifest()["outcome"] if run.spec.steering.template == AUTO else None,
        "lengths": _lengths(dataset, verdicts),
        "training": {"curve": curve, "dropped": run.artifact("adapter").manifest()["dropped"]},
        "cost": _cost(run),
        "lineage": _lineage(run),
        "prompts": {k: run.artifact("prompts").manifest()[k] for k in ("read", "removed", "labels")},
        "notes": [TINY_NOTE] if "tiny://" in run.spec.model_dump_json() else [],
    }
    parts["notes"] += _unjudged(parts["retention"])
    parts["gate"] = gate.decide(run.spec.gate.rules, measured)
    parts["signatures"] = signatures.find(parts)
    return summary.build(**parts)


def _verdicts(run: Run) -> Iterator[dict]:
    for model in ("base", "aligned"):
        for row in run.artifact(f"verdicts-{model}").rows():
            values = None if row["values"] is None else json.loads(row["values"])
            yield {**row, "model": model, "problem": row["id"], "values": values}


def _agreement(run: Run) -> list[dict]:
    """How far the guards of a quorum agree on the responses that they were asked about; nothing without a quorum."""
    others = further_guards(run.spec)
    if not others:
        return []
    names = [f"{role} ({guard.name})" for role, guard in {"guard": run.spec.guard, **others}.items()]
    chunks = run.artifact("prompts").manifest()["chunks"]
    judged = (
        [outcome.verdict for outcome in outcomes]
        for rung in range(1, ladder_rungs(run) + 1)
        for index in range(chunks)
        for score, outcomes in outcomes_of(run, rung, index)
        if not score["quality"]
    )
    return [dict(pair) for pair in agreement.pairs(names, judged)]


def _unjudged(kept: list[dict]) -> list[str]:
    """A note where responses were trained on that no guard has seen."""
    if not (unjudged := sum(row["unfiltered"] for row in kept)):
        return []
    return [
        f"{unjudged} of the {sum(row['kept'] for row in kept)} responses that were trained on were judged by nobody: "
        "their source says filter: none. Nothing here says that they are safe or usable."
    ]


def _lengths(dataset: dict, verdicts: list[dict]) -> list[dict]:
    """Binned lengths in tokens: of the kept responses by label, and of the answers by model and part."""
    found = [
        {"what": f"kept {r['label']}", "below": r["tokens_below"], "count": r["count"]} for r in dataset["lengths"]
    ]
    bins = collections.Counter[tuple[str, int]]()
    for row in verdicts:
        for part, tokens in (("thought", row["thought_tokens"]), ("answer", row["tokens"] - row["thought_tokens"])):
            bins[f"{row['model']} {row['kind']} {part}", length_bin(max(tokens, 0))] += 1
    return found + [{"what": what, "below": below, "count": n} for (what, below), n in sorted(bins.items())]


def _cost(run: Run) -> list[dict]:
    """Seconds, device seconds and tokens of each stage, as its artifacts' manifests tell."""
    found = []
    for stage in run.plan.stages:
        made = [n.name for n in run.plan.of_stage(stage) if n.name != "report"]
        spent = [run.artifact(name).manifest().get("cost", {}) for name in made]
        found.append(
            {"stage": stage, **{k: sum(c.get(k, 0) for c in spent) for k in ("seconds", "gpu_seconds", "tokens")}}
        )
    return found


def _steering(run: Run) -> dict:
    """The steering as the spec says it; with `auto` also what the probe chose, without it no probe."""
    steering = run.spec.steering
    if steering.template == AUTO:
        return {**steering.model_dump(mode="json"), "chosen": run.template(1)}
    return steering.model_dump(mode="json", exclude={"probe"})


def _lineage(run: Run) -> dict:
    """What the run is made from: models by role, settings, and the digest of every artifact."""
    models = {
        role: {
            "name": model.name,
            "revision": model.revision,
            "dtype": model.dtype,
            "fingerprint": run.fingerprints[role],
        }
        for role, model in models_named(run.spec).items()
    }
    guards = {"guard": run.spec.guard, **further_guards(run.spec)}
    said = {r: {**models[r], "family": g.family, "threshold": g.threshold} for r, g in guards.items()}
    guard = said.pop("guard")
    quorum = {"quorum": {"need": run.spec.quorum.need, "guards": list(said.values())}} if run.spec.quorum else {}
    return {
        "model": models["student"],
        "generator": models["generator"],
        "guard": guard,
        **quorum,
        "judge": models["judge"],
        "steering": _steering(run),
        "training": run.spec.training.model_dump(mode="json"),
        "artifacts": {n.name: n.digest for n in run.plan.nodes if n.name != "report"},
        "fingerprints": run.fingerprints,
        "versions": versions(),
        "seed": run.spec.seed,
    }
