"""compare (CPU): what an experiment's runs left in the store -> its combined report."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from thinksafe.analysis import summary as summaries
from thinksafe.analysis.experiment import page
from thinksafe.analysis.experiment.combine import combine, rounds
from thinksafe.analysis.experiment.csv_table import table
from thinksafe.analysis.experiment.given import MEASURED, Given, Made, Values, values
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import Store
from thinksafe.errors import DataError
from thinksafe.plan import Plan
from thinksafe.spec.experiment import ExperimentManifest, Variant
from thinksafe.stages import words
from thinksafe.stages.run import content, run_prefix

STAGE = "compare"
UNKNOWN = "Pending"


@dataclass(frozen=True)
class Stands:
    """Which run a variant has, and how that stands; `why` says in a sentence why it has no report."""

    name: str
    namespace: str = "default"
    uid: str = ""
    phase: str = UNKNOWN
    why: str = ""


def prefix(experiment: ExperimentManifest, uid: str) -> str:
    """Where the combined report is."""
    return f"experiments/{experiment.metadata.namespace}/{experiment.metadata.name}/{uid}"


def local_uid(experiment: ExperimentManifest) -> str:
    """An experiment's uid where Kubernetes gives none: the same content, the same uid."""
    spec = experiment.spec
    told = [content(spec.run), [v.model_dump(mode="json") for v in spec.variants], spec.compared_with]
    told.append(spec.stop.model_dump(mode="json") if spec.stop else None)
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def compare(experiment: ExperimentManifest, uid: str, runs: Mapping[str, Stands], store: Store) -> dict:
    """Make the report of the variants as they stand now, in the place of an older one; returns its document."""
    meta = experiment.metadata
    found = [_given(v, runs.get(v.name), experiment, store) for v in experiment.spec.variants]
    name = {"name": meta.name, "namespace": meta.namespace, "uid": uid}
    document = combine(name, experiment.spec.compared_with, found, experiment.spec.stop)
    place = prefix(experiment, uid)
    store.put(f"{place}/table.csv", table(document).encode())
    store.put(f"{place}/index.html", page.render(document).encode())
    store.put(f"{place}/summary.json", json.dumps(document, indent=1, sort_keys=True).encode())
    return document


def further_round(experiment: ExperimentManifest, variant: Variant, runs: Mapping[str, Stands], store: Store) -> dict:
    """`{go, why}`: whether the stop rule lets this variant begin, whose data an earlier one writes."""
    found = [_given(v, runs.get(v.name), experiment, store) for v in experiment.spec.variants]
    return rounds(found, experiment.spec.stop)[str(variant.generator_from)]


# --- the store ----------------------------------------------------------------------------------------------------


def _given(variant: Variant, run: Stands | None, experiment: ExperimentManifest, store: Store) -> Given:
    meta = experiment.metadata
    run = run or Stands(f"{meta.name}-{variant.name}", meta.namespace, why="It has no run.")
    known = {
        "name": variant.name, "run": run.name, "namespace": run.namespace, "uid": run.uid, "patch": variant.patch,
        "generator_from": variant.generator_from,
    }  # fmt: skip
    if run.phase not in MEASURED:
        return Given(**known, phase=run.phase, why=run.why)
    place = run_prefix(run.namespace, run.name, run.uid)
    summary = summaries.read(_json(store, f"{place}/summary.json")).model_dump(mode="json", by_alias=True)
    plan = Plan.from_json(_json(store, f"{place}/plan.json")["nodes"])
    base, aligned = (_values(Artifact(store, "verdicts", plan.node(f"verdicts-{m}").digest)) for m in
                     ("base", "aligned"))  # fmt: skip
    artifacts = tuple(_made(plan, store))
    return Given(**known, phase=run.phase, summary=summary, base=base, aligned=aligned, artifacts=artifacts)


def _json(store: Store, key: str) -> dict:
    try:
        return json.loads(store.get(key))
    except ValueError:
        raise DataError(f"{key}: not JSON, damaged or cut off", reason="Damaged") from None


def _values(verdicts: Artifact) -> Values:
    """Only the numbers; whoever wrote a row's text is not asked."""
    return values({**r, "values": None if r["values"] is None else json.loads(r["values"])} for r in verdicts.rows())


def _made(plan: Plan, store: Store) -> Iterator[Made]:
    for node in plan.nodes:
        cost = Artifact(store, node.kind, node.digest).manifest().get("cost", {})
        yield Made(node.digest, node.stage, *(cost.get(k, 0) for k in ("seconds", "gpu_seconds", "tokens")))


# --- the worker ---------------------------------------------------------------------------------------------------


def read_runs(file: Path) -> dict[str, Stands]:
    """The runs as the operator tells them: JSON `{variant: {name, namespace, uid, phase, why?}}`.

    Raises DataError if it is not that.
    """
    try:
        told = json.loads(file.read_text())
        return {variant: Stands(**run) for variant, run in told.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{file}: not a map of runs by variant: {type(error).__name__}") from None


def work(experiment: ExperimentManifest, uid: str, file: Path, store: Store, uri: str) -> words.Words:
    """Compare as a cluster's Job does; returns the last words. Raises what the store raises."""
    document = compare(experiment, uid, read_runs(file), store)
    return last_words(document, f"{uri.rstrip('/')}/{prefix(experiment, uid)}/index.html")


def last_words(document: Mapping, report: str) -> words.Words:
    """Pure: what the operator is told. Whether a round is worth it always fits; results are left out from the end."""
    told: words.Words = {"code": 0, "reason": "Done", "message": "", "hint": "", "stage": STAGE, "report": report}
    for most in (1000, 200, 60, 0):  # characters of a sentence; the whole one is in the report
        told["rounds"] = {n: {**r, "why": r["why"][:most]} for n, r in document["rounds"].items()}
        if len(json.dumps({**told, "results": []}).encode()) <= words.BYTES:
            break
    results = [
        {k: row[k] for k in ("variant", "kind", "benchmark", "value")}
        for row in document["rows"] if row["value"] is not None
    ]  # fmt: skip
    while results and len(json.dumps({**told, "results": results}).encode()) > words.BYTES:
        results.pop()
    return {**told, "results": results}
