"""Verdict rows as the evaluation stage writes them, made by hand."""


def row(model="aligned", benchmark="b", kind="harmful", problem="p0", sample=0, values=None, truncated=False, **more):
    """One row; `values=None` means unscored."""
    return {
        "model": model, "benchmark": benchmark, "kind": kind, "problem": problem, "sample": sample, "category": None,
        "values": values, "reason": "" if values else "label-mass", "truncated": truncated, "tokens": 10, **more,
    }


def rows(model, benchmark, kind, scores, metric=None, samples=1):
    """One row a score: problem i has the scores i * samples to (i + 1) * samples; None is unscored."""
    name = metric or {"harmful": "harmful", "refusal": "refusal", "accuracy": "accuracy"}[kind]
    return [
        row(model, benchmark, kind, f"p{i // samples}", i % samples, None if s is None else {name: float(s)})
        for i, s in enumerate(scores)
    ]
