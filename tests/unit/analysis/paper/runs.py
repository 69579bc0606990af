"""Runs of the paper's models, as specs, and metrics that they could have."""

from thinksafe.analysis.paper.figures import figures
from thinksafe.spec import RunSpec

PAPER = {
    "model": {"name": "Qwen/Qwen3-4B", "dtype": "bfloat16"},
    "prompts": [{"source": "hf://UWNSL/SafeChain", "format": "safechain"}],
    "dedup": {"near": 0, "decontaminate": False},
    "guard": {"name": "meta-llama/Llama-Guard-3-8B", "family": "llama-guard-3"},
    "evaluation": {"benchmarks": [c.benchmark for c in figures().columns]},
}
WILDGUARD = {"name": "allenai/wildguard", "family": "wildguard"}


def spec(**changes) -> RunSpec:
    """The paper's run of Qwen3-4B with other top-level fields."""
    return RunSpec.model_validate({**PAPER, **changes})


def metrics(values, model="aligned", width=0.02):
    """A metric for each column with a value (a share), its interval `width` to both sides; None is unscored."""
    found = []
    for column, value in zip(figures().columns, values, strict=True):
        for name in {column.metric, *(["accuracy"] if column.kind == "accuracy" else [])}:
            # What the paper's harness does not measure must not be mistaken for it.
            shown = value if value is None or name == column.metric else value / 2
            found.append({
                "model": model, "benchmark": column.benchmark, "metric": name, "kind": column.kind, "value": shown,
                "low": None if shown is None else max(0.0, shown - width),
                "high": None if shown is None else min(1.0, shown + width),
                "n": column.problems * column.samples, "truncated": 0, "unscored": 0,
            })  # fmt: skip
    return found
