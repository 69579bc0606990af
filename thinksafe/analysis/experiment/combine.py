"""All variants -> the combined document."""

from collections.abc import Iterator, Mapping, Sequence

from thinksafe.analysis.experiment import document
from thinksafe.analysis.experiment.costs import costs
from thinksafe.analysis.experiment.given import Given
from thinksafe.analysis.experiment.plane import points
from thinksafe.analysis.experiment.rows import comparisons, corrected, rows
from thinksafe.analysis.experiment.stopping import decide
from thinksafe.spec.experiment import StopRule

# Parts of a run's summary that are carried over as they are, where the summary has them.
FURTHER = ("tilt", "agreement", "probe")


def combine(name: Mapping, baseline: str, variants: Sequence[Given], stop: StopRule | None = None) -> dict:
    """The document (thinksafe.dev/experiment/v1). `name` is `{name, namespace, uid}` of the experiment."""
    number, spent = comparisons(variants, baseline), costs(variants)
    return document.build(
        experiment=dict(name),
        baseline=baseline,
        correction={"comparisons": number, "confidence": corrected(number)},
        variants=[{**_variant(v), "cost": spent[v.name]} for v in variants],
        rows=rows(variants, baseline),
        plane=points(variants, baseline),
        rounds=rounds(variants, stop),
        notes=list(_notes(variants)),
    )


def rounds(variants: Sequence[Given], stop: StopRule | None) -> dict[str, dict]:
    """Whether a further round is worth it, for every variant that writes another one's data and has ended."""
    by_name = {v.name: v for v in variants}
    asked = dict.fromkeys(v.generator_from for v in variants if v.generator_from)
    found = {}
    for name in asked:
        last = by_name[name]
        if last.summary is not None or last.phase in ("Failed", "Skipped"):
            before = by_name[last.generator_from] if last.generator_from else None
            found[name] = decide(stop, last, before)
    return found


def flat(patch: Mapping, place: str = "") -> dict:
    """The patch's values by their place: {training: {epochs: 1}} -> {"training.epochs": 1}. Lists stay whole."""
    found = {}
    for key, value in patch.items():
        inner = f"{place}.{key}" if place else str(key)
        found |= flat(value, inner) if isinstance(value, Mapping) and value else {inner: value}
    return found


def _variant(given: Given) -> dict:
    found = {
        "name": given.name,
        "run": {"name": given.run, "namespace": given.namespace, "uid": given.uid},
        "phase": given.phase,
        "why": given.why,
        "generator_from": given.generator_from,
        "settings": flat(given.patch),
    }
    if given.summary is None:
        return found
    gate = given.summary["gate"]
    return {
        **found,
        **{part: given.summary[part] for part in ("retention", "perplexity", "signatures")},
        "gate_passed": gate["passed"],
        "gate": gate["sentence"],
        "further": {part: given.summary[part] for part in FURTHER if given.summary.get(part)},
    }


def _notes(variants: Sequence[Given]) -> Iterator[str]:
    """What holds for all measured variants once, and what is one's own with its name."""
    told = {v.name: v.summary["notes"] for v in variants if v.summary is not None}
    for note in dict.fromkeys(note for notes in told.values() for note in notes):
        having = [name for name, notes in told.items() if note in notes]
        yield note if len(having) == len(told) else f"{', '.join(having)}: {note}"
    for given in variants:
        if given.summary is None:
            yield f"{given.name} is not measured ({given.phase}). {given.why}".strip()
