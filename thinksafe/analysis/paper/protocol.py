"""Which of the paper's methods a run is, and in which settings it differs from the paper's. Pure.

A run is told by what it does, not by its name: a model of the paper, and the settings by which the paper's methods
differ from each other. Whatever else is set otherwise does not hide the comparison; it is listed beside it.
[P] is arXiv 2601.23143 v4.
"""

from collections.abc import Mapping
from typing import Any

from thinksafe.analysis.paper.figures import INITIAL, THINKSAFE, figures
from thinksafe.spec import RunSpec

PROMPTS = "hf://UWNSL/SafeChain"
JUDGE = "meta-llama/Llama-Guard-3-8B"
TOP_K = {"qwen3": 20, "r1": 0}  # [P B.1]
WILDGUARD, KL, NO_THOUGHTS = "ThinkSafe with WildGuard", "ThinkSafe with KL", "Refusals without thoughts"
# [P Table 5, Fig 13; without steering Fig 7]
BY_TEMPLATE = {
    "none": "Rejection sampling",
    "suffix": "ThinkSafe by suffix",
    "risk": "ThinkSafe by risk",
    "intent": "ThinkSafe by intent",
}
# [P Table 4]: the data set of each external baseline, and its epochs.
EXTERNAL = {
    "DirectRefusal": ("hf://TianshengHuang/DirectRefusal", 5),
    "SafeChain": (PROMPTS, 3),
    "STAR-1": ("hf://UCSC-VLAA/STAR-1", 5),
}
# What each method changes of the settings below.
CHANGES: dict[str, dict[str, Any]] = {
    WILDGUARD: {"guard.name": "allenai/wildguard", "guard.family": "wildguard"},
    KL: {"training.klWeight": 1.0},
    NO_THOUGHTS: {"training.refusalThoughts": "drop"},
    "Rejection sampling": {"steering.template": "none", "generation.samples": 5, "generation.keep": "all"},
    **{name: {"steering.template": template} for template, name in BY_TEMPLATE.items() if template != "none"},
    **{name: {"training.epochs": epochs} for name, (_, epochs) in EXTERNAL.items()},
}
# What is otherwise whatever the manifest says: to the paper's trainer the KL of benign rows is all of their loss.
ALWAYS = {KL: {"setting": "the loss of benign rows", "paper": "forward KL alone", "run": "forward KL added to it"}}
_TRAINING = {  # [P 5.1]
    "rank": 32, "alpha": 16, "dropout": 0.05, "targets": ["q_proj", "v_proj"], "learningRate": 1e-5, "warmup": 0.1,
    "batchSize": 8, "epochs": 3, "maxSteps": None, "maxLength": 16_384, "clip": 1.0, "klWeight": 0,
    "refusalThoughts": "keep",
}  # fmt: skip
_DATA = {  # [P B.1, 5.1]
    "dedup.near": 0, "dedup.decontaminate": False, "generator": None, "quorum": None,
    "steering.template": "prefix", "steering.ladder": [],
    "generation.temperature": 0.6, "generation.topP": 0.95, "generation.maxTokens": 16_384, "generation.samples": 1,
    "guard.name": JUDGE, "guard.family": "llama-guard-3", "guard.threshold": 0.5, "guard.views": ["both"],
}  # fmt: skip
_EVALUATION = {  # [P 5.1, B.1]
    "limit": None, "samples": 8, "safetySamples": 1, "temperature": 0.6, "topP": 0.95, "maxTokens": 32_768,
}  # fmt: skip


def method_of(spec: RunSpec) -> str | None:
    """The paper's method that the run is; None if it mixes several, or is none of the paper's."""
    given = {s.responses == "given" for s in spec.prompts}
    if given == {True}:
        sources = {s.source for s in spec.prompts}
        return next((name for name, (source, _) in EXTERNAL.items() if sources == {source}), None)
    if True in given or spec.generator is not None or spec.steering.ladder:
        return None
    if spec.steering.template not in {"prefix", *BY_TEMPLATE}:
        return None
    marks = [BY_TEMPLATE[spec.steering.template]] if spec.steering.template in BY_TEMPLATE else []
    marks += [WILDGUARD] if spec.guard.family == "wildguard" else []
    marks += [KL] if spec.training.kl_weight else []
    marks += [NO_THOUGHTS] if _at(_document(spec), "training.refusalThoughts") == "drop" else []
    return marks[0] if len(marks) == 1 else None if marks else THINKSAFE


def differs(spec: RunSpec, model: str, method: str) -> list[dict[str, str]]:
    """The settings in which the run is not the paper's, as {setting, paper, run}; the base model has no training."""
    document = _document(spec)
    found = []
    for path, wanted in published(figures().models[model].family, method).items():
        seen = _at(document, path)
        if seen != wanted:
            found.append({"setting": f"spec.{path}", "paper": _said(wanted), "run": _said(seen)})
    judge = (spec.evaluation.judge or spec.guard).name
    if judge != JUDGE:
        found.append({"setting": "the judge", "paper": JUDGE, "run": judge})
    found += [ALWAYS[method]] if method in ALWAYS else []
    return found + ([] if method == INITIAL else _prompts(spec, method))


def published(family: str, method: str) -> dict[str, Any]:
    """The paper's settings of a method by their path in a manifest's spec."""
    wanted: dict[str, Any] = {f"evaluation.{name}": value for name, value in _EVALUATION.items()}
    wanted["evaluation.topK"] = TOP_K[family]
    if method == INITIAL:
        return wanted
    wanted |= {f"training.{name}": value for name, value in _TRAINING.items()}
    if method not in EXTERNAL:
        wanted |= _DATA | {"generation.topK": TOP_K[family]}
    return wanted | CHANGES.get(method, {})


def _prompts(spec: RunSpec, method: str) -> list[dict[str, str]]:
    """All rows of the one data set; of an external one the responses, too, and no guard between."""
    wanted = EXTERNAL[method][0] if method in EXTERNAL else PROMPTS
    seen = ", ".join(s.source for s in spec.prompts)
    found = [] if seen == wanted else [{"setting": "spec.prompts", "paper": wanted, "run": seen}]
    limits = [n for s in spec.prompts for n in (s.limit.harmful, s.limit.benign) if n]  # 0: it has none of these
    if limits:
        found.append({"setting": "spec.prompts[].limit", "paper": "all rows", "run": f"at most {sum(limits)}"})
    filters = {_at(s.model_dump(by_alias=True), "filter") for s in spec.prompts}
    if method in EXTERNAL and filters != {"none"}:
        found.append({"setting": "spec.prompts[].filter", "paper": "none", "run": "guard"})
    return found


def _document(spec: RunSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", by_alias=True)


def _at(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where there is none."""
    for key in path.split("."):
        document = document.get(key) if isinstance(document, Mapping) else None  # type: ignore[assignment]
    return document


def _said(value: object) -> str:
    if value is None:
        return "unset"
    if isinstance(value, list):
        return ", ".join(map(str, value)) if all(isinstance(v, str) for v in value) else f"{len(value)} entries"
    return f"{value:g}" if isinstance(value, float) else "set" if isinstance(value, dict) else str(value)
