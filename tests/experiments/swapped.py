"""examples/paper with the tiny world in it: the student, the guard, and every file in the real one's columns.

What a manifest says of the method stays: templates, sampling, LoRA, benchmarks with their readers and scorers. Changed
are names, sizes and places.
"""

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from thinksafe import tinyworld
from thinksafe.spec import API_VERSION, KIND, Manifest
from thinksafe.spec.experiment import EXPERIMENT_KIND, ExperimentManifest
from thinksafe.thought import split
from thinksafe.tinyworld.responses import responses
from thinksafe.variants import merged

STUDENT = {"name": "tiny://student?seed=0", "revision": None, "dtype": "float32"}
GUARD = {"name": "tiny://guard", "revision": None, "dtype": "float32", "family": "tiny"}
TEACHER = {"name": "tiny://teacher?seed=0", "revision": None, "dtype": "float32"}
SECOND_GUARD = {**GUARD, "name": "tiny://guard?seed=1"}
PROMPTS, PROBLEMS, TOKENS, STEPS = 12, 4, 192, 4


def swapped(run: Manifest, folder: Path) -> dict[str, Any]:
    """The run as a document, small, of tiny models and of the files that `write` has put into the folder."""
    spec = run.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    # Without it the four Qwen3 are one run, and so are the three R1: it changes how the adapter is made, not which.
    spec["training"].pop("gradientCheckpointing", None)
    small = {
        "model": STUDENT,
        "guard": GUARD,
        "generation": {"maxTokens": TOKENS, "chunkRows": 8},
        "training": {"maxSteps": STEPS, "maxLength": 1024, "tokensPerPack": 1024},
        "evaluation": {
            "maxTokens": TOKENS,
            "samples": 2,
            "sources": {name: str(folder / FILES[name]) for name in spec["evaluation"]["benchmarks"]},
        },
    }
    spec["prompts"] = [{**source, "source": str(folder / "safechain.jsonl")} for source in spec["prompts"]]
    metadata = {"name": run.metadata.name}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": _set(merged(spec, small))}


def swapped_experiment(experiment: ExperimentManifest, folder: Path) -> dict[str, Any]:
    """The experiment as a document, its run swapped like one that stands alone, and so what its variants put there."""
    alone = Manifest.model_validate({"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "alone"},
                                     "spec": experiment.spec.run.model_dump(exclude_unset=True)})  # fmt: skip
    spec = experiment.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    spec["run"] = swapped(alone, folder)["spec"]
    spec["variants"] = [{**v, "patch": _patch(v.get("patch", {}), folder)} for v in spec["variants"]]
    metadata = {"name": experiment.metadata.name}
    return {"apiVersion": API_VERSION, "kind": EXPERIMENT_KIND, "metadata": metadata, "spec": spec}


def _patch(patch: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """With the teacher for any other generator, a guard of another seed for any other guard, and the files."""
    made = dict(patch)
    if "generator" in patch:
        made["generator"] = TEACHER
    if "guard" in patch:
        made["guard"] = SECOND_GUARD
    if "judge" in patch.get("evaluation", {}):
        made["evaluation"] = {**patch["evaluation"], "judge": GUARD}
    if "prompts" in patch:
        made["prompts"] = [{**s, "source": str(folder / f"{s['format']}.jsonl")} for s in patch["prompts"]]
    return made


def write(folder: Path) -> None:
    """The files, of the tiny world's rows in the real data sets' columns."""
    _write_prompts(folder)
    _write_benchmarks(folder)


def _write_prompts(folder: Path) -> None:
    _json_lines(folder / "safechain.jsonl", (
        {"instruction": r["text"], "label": f"vanilla_{r['label']}", "response": r["response"]}
        for r in responses("safechain", 0, PROMPTS, PROMPTS)
    ))  # fmt: skip
    _json_lines(folder / "star1.jsonl", (
        {"id": r["id"], "question": r["text"], "response": r["response"], "category": [r["category"]], "score": {}}
        for r in responses("star1", 0, PROMPTS, 0)
    ))  # fmt: skip
    _json_lines(folder / "directrefusal.jsonl", (
        {"prompt": r["text"], "refusal": f"Answer: {split(str(r['response'])).answer}"}
        for r in responses("directrefusal", 0, PROMPTS, 0)
    ))  # fmt: skip


def _write_benchmarks(folder: Path) -> None:
    harmful = [str(r["text"]) for r in tinyworld.evaluation("harmful", 0, 3 * PROBLEMS)]
    benign = [str(r["text"]) for r in tinyworld.evaluation("benign", 0, PROBLEMS)]
    attacks = [{"prompt": text, "objective": "none"} for text in harmful[:PROBLEMS]]
    (folder / FILES["harmbench-paper"]).write_text(json.dumps(attacks))
    _table(folder / FILES["strongreject"], (
        {"category": "none", "source": "tiny", "forbidden_prompt": text} for text in harmful[PROBLEMS : 2 * PROBLEMS]
    ))  # fmt: skip
    jailbreaks = [{"adversarial": t, "data_type": "adversarial_harmful"} for t in harmful[2 * PROBLEMS :]]
    jailbreaks.append({"adversarial": benign[0], "data_type": "adversarial_benign"})  # not of this benchmark
    _table(folder / FILES["wildjailbreak"], jailbreaks, delimiter="\t")
    _table(folder / FILES["xstest"], (
        {"id": f"v{i}", "prompt": text, "type": "none", "label": "safe", "focus": "", "note": ""}
        for i, text in enumerate(benign)
    ))  # fmt: skip
    problems = tinyworld.evaluation("problems", 0, 4 * PROBLEMS)
    parts = {name: problems[i * PROBLEMS :][:PROBLEMS] for i, name in enumerate(("aime", "gsm", "math", "gpqa"))}
    _json_lines(folder / FILES["aime24"], (
        {"id": i, "problem": r["text"], "answer": r["answer"], "url": "https://example.org/2024"}
        for i, r in enumerate(parts["aime"])
    ))  # fmt: skip
    _json_lines(folder / FILES["gsm8k"], (
        {"question": r["text"], "answer": f"so\n#### {r['answer']}"} for r in parts["gsm"]
    ))  # fmt: skip
    _json_lines(folder / FILES["math500"], (
        {"problem": r["text"], "answer": str(r["answer"]), "subject": "none", "level": 1, "unique_id": f"m{i}"}
        for i, r in enumerate(parts["math"])
    ))  # fmt: skip
    _table(folder / FILES["gpqa-diamond"], (
        {"Record ID": f"g{i}", "Question": r["text"], "Correct Answer": r["answer"],
         **{f"Incorrect Answer {n}": int(str(r["answer"])) + n for n in (1, 2, 3)}}
        for i, r in enumerate(parts["gpqa"])
    ))  # fmt: skip


FILES = {
    "harmbench-paper": "harmbench.json", "strongreject": "strongreject.csv", "wildjailbreak": "eval.tsv",
    "xstest": "xstest.csv", "aime24": "aime.jsonl", "gsm8k": "gsm8k.jsonl", "math500": "math500.jsonl",
    "gpqa-diamond": "gpqa_diamond.csv",
}  # fmt: skip


def _set(fields: Any) -> Any:
    """Without what is null, which in a manifest is the same as left out."""
    if isinstance(fields, dict):
        return {key: _set(value) for key, value in fields.items() if value is not None}
    return fields


def _json_lines(file: Path, rows: Iterable[Mapping]) -> None:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _table(file: Path, rows: Iterable[Mapping], delimiter: str = ",") -> None:
    made = list(rows)
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, made[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(made)
