"""prepare (CPU): look up what the manifest names, make the plan, read the prompts and the problems.

It is the only stage that reaches for anything but the store and a model; the others work offline.
"""

import secrets
from collections.abc import Callable, Sequence

from thinksafe import benchmarks, models
from thinksafe import plan as plans
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.chunks import chunk_ranges
from thinksafe.artifacts.store import Store
from thinksafe.errors import DataError, SettingsError
from thinksafe.prompts import dedup, formats, sources
from thinksafe.spec import Manifest, RunSpec
from thinksafe.stages import adapters, schemas
from thinksafe.stages import run as runs
from thinksafe.stages.seeds import row_seed


def prepare(manifest: Manifest, store: Store, uid: str, say: Callable[[str], None]) -> runs.Run:
    """Make the plan and the first two artifacts, `problems` and `prompts`; returns the planned run."""
    spec, meta = manifest.spec, manifest.metadata
    say("trying the store")
    probe(store, f"{runs.run_prefix(meta.namespace, meta.name, uid)}/probe-{secrets.token_hex(8)}")
    say("looking up models and prompts")
    prints = fingerprints(spec, store)
    for role, model in plans.models_named(spec).items():
        # Now, not in the hour when a stage with a GPU has got its turn.
        models.check_access(model.name, prints[role])
    plan = plans.make(spec, prints, name=meta.name)
    run = runs.Run(meta.name, meta.namespace, uid, spec, store, plan, prints)
    runs.save(run)
    if not run.artifact("problems").is_complete():
        say("reading benchmarks")
        _problems(run)
    if not run.artifact("prompts").is_complete():
        say("reading prompts")
        _prompts(run)
    return run


def probe(store: Store, key: str) -> None:
    """Write, read and delete an object, so that a store that cannot be used is found before anything is done.

    Raises what the store raises, and SettingsError if it would let one worker overwrite what another committed.
    """
    first = store.put_if_absent(key, b"1")
    second = store.put_if_absent(key, b"2")
    read = store.get(key)
    store.delete(key)
    if not first or second or read != b"1":
        raise SettingsError(
            f"{store.uri}: the store does not keep to conditional writes",
            reason="StoreLacksFeature",
            hint="It must know If-None-Match; see docs/storage.md",
        )


def fingerprints(spec: RunSpec, store: Store) -> dict[str, str]:
    """What identifies the content of everything the spec names; see `plan.make`.

    `store` is where an adapter that writes the responses must be.
    """
    found, seen = dict[str, str](), dict[tuple, str]()
    for role, model in plans.models_named(spec).items():
        key = (model.name, model.revision)
        if key not in seen:
            seen[key] = models.fingerprint(*key)
        found[role] = seen[key]
    if spec.generator is not None and spec.generator.adapter is not None:
        adapter = adapters.resolve(store, spec.generator.adapter, found["generator"])
        found["generator"] = models.with_adapter(found["generator"], adapter)
    for i, source in enumerate(spec.prompts):
        found[f"prompts/{i}"] = sources.fingerprint(
            source.source, revision=source.revision, split=source.split, storage=spec.storage
        )
    for name in spec.evaluation.benchmarks:
        found[f"benchmark/{name}"] = benchmarks.fingerprint(
            name, source=spec.evaluation.sources.get(name), storage=spec.storage
        )
    return found


def _problems(run: runs.Run) -> None:
    spec, rows, counts = run.spec, list[dict](), dict[str, int]()
    for name in spec.evaluation.benchmarks:
        benchmark = benchmarks.get(name)
        problems = benchmarks.load_problems(
            benchmark,
            source=spec.evaluation.sources.get(name),
            limit=spec.evaluation.limit,
            seed=spec.seed,
            storage=spec.storage,
        )
        counts[name] = len(problems)
        rows += [
            {
                "benchmark": name,
                "kind": benchmark.kind,
                "id": p.id,
                "prompt": p.prompt,
                "gold": p.gold,
                "category": p.category,
            }
            for p in problems
        ]
    chunks = _commit(run.artifact("problems"), rows, spec.generation.chunk_rows, schemas.PROBLEMS)
    run.finish("problems", chunks=chunks, problems=counts)


def _prompts(run: runs.Run) -> None:
    spec, found, read = run.spec, list[formats.Prompt](), dict[str, int]()
    origin = dict[str, int]()
    for i, source in enumerate(spec.prompts):
        pinned = source.model_copy(update={"revision": sources.commit(run.fingerprints[f"prompts/{i}"])})
        prompts = formats.load(pinned, seed=spec.seed, storage=spec.storage)
        read[f"{i}:{source.source}"] = len(prompts)
        for p in prompts:
            origin.setdefault(p.id, i)
        found += prompts
    near = spec.dedup.near or None
    kept, removed = dedup.deduplicate(found, near=near)
    if spec.dedup.decontaminate:
        texts = [row["prompt"] for row in run.artifact("problems").rows()]
        kept, tainted = dedup.decontaminate(kept, texts, near=near)
        removed = {**removed, **tainted}
    check_labels(kept, spec)
    kept.sort(key=lambda p: row_seed(spec.seed, p.id, "order"))
    rows = [
        {
            "id": p.id,
            "prompt": p.text,
            "label": p.label,
            "category": p.category,
            "source": origin[p.id],
            "given": p.response if spec.prompts[origin[p.id]].responses == "given" else None,
        }
        for p in kept
    ]
    chunks = _commit(run.artifact("prompts"), rows, spec.generation.chunk_rows, schemas.PROMPTS)
    labels = {label: sum(p.label == label for p in kept) for label in ("harmful", "benign")}
    run.finish("prompts", chunks=chunks, read=read, removed=removed, labels=labels)


def check_labels(kept: Sequence[formats.Prompt], spec: RunSpec) -> None:
    """Both kinds of prompt must be there, unless the manifest says in so many words that one is not wanted."""
    for label in ("harmful", "benign"):
        unwanted = all(getattr(s.limit, label) == 0 for s in spec.prompts)
        if unwanted or any(p.label == label for p in kept):
            continue
        raise DataError(
            f"spec.prompts: no {label} prompt is left",
            reason=f"No{label.capitalize()}Rows",
            hint=f"Add a source with {label} prompts, or say limit: {{{label}: 0}} if that is meant",
        )


def _commit(artifact: Artifact, rows: list[dict], chunk_rows: int, schema) -> int:
    ranges = chunk_ranges(len(rows), chunk_rows)
    for index, part in enumerate(ranges):
        artifact.commit_chunk(index, rows[part.start : part.stop], schema)
    return len(ranges)
