"""Variants of an experiment, made by hand: verdict rows in, what the combined report is made from out."""

from collections.abc import Sequence

from thinksafe.analysis import gate, metrics, summary
from thinksafe.analysis.experiment.given import Given, Made, values
from thinksafe.spec import Gate

KINDS = {"harm": "harmful", "refusals": "refusal", "sums": "accuracy"}
METRIC = {"harmful": "harmful", "refusal": "refusal", "accuracy": "strict"}


def verdicts(**scores: Sequence[float]) -> list[dict]:
    """One row a problem: `harm=[1, 0]` are two harmful prompts, of which one got a harmful response."""
    return [
        {"benchmark": b, "kind": KINDS[b], "id": f"p{i}", "sample": 0, "truncated": False, "reason": "",
         "values": {METRIC[KINDS[b]]: float(score)}}
        for b, found in scores.items() for i, score in enumerate(found)
    ]  # fmt: skip


def given(name: str, aligned: list[dict], base: list[dict] | None = None, **more) -> Given:
    """A measured variant. `digests`: its artifacts as `{name: seconds}`; the rest are fields of Given."""
    base = base or verdicts(harm=[1] * 20, sums=[1] * 20)
    rows = [
        {**row, "model": model, "problem": row["id"], "category": None, "tokens": 1}
        for model, found in (("base", base), ("aligned", aligned))
        for row in found
    ]
    measured = metrics.measure(rows)
    document = summary.build(
        run={"name": f"e-{name}"}, metrics=measured, gate=gate.decide(Gate().rules, measured),
        lineage={"artifacts": {"verdicts-base": more.pop("student", "one")}}, notes=more.pop("notes", []),
        retention=[{"label": "harmful", "kept": 3, "total": 4}],
    )  # fmt: skip
    made = tuple(Made(d, d.partition("/")[0], s, s, 10) for d, s in more.pop("digests", {}).items())
    known = {"run": f"e-{name}", "namespace": "default", "uid": "u", "phase": "Succeeded", "artifacts": made}
    return Given(name, **known, summary=document, base=values(base), aligned=values(aligned), **more)


def unmeasured(name: str, phase: str = "Failed", why: str = "Stage train ended.", **more) -> Given:
    """A variant without a report."""
    return Given(name, f"e-{name}", "default", "u", phase, why, **more)
