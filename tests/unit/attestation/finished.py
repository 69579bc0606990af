"""A finished run whose artifacts are small and made up, but real: what publishing reads is there."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save
from unit.analysis import samples

from thinksafe import plan
from thinksafe.artifacts.folder import FolderStore
from thinksafe.artifacts.store import Store
from thinksafe.spec import RunSpec
from thinksafe.stages.report import _lineage
from thinksafe.stages.run import Run

SPEC = {
    "model": {"name": "Qwen/Qwen3-8B", "revision": "main", "dtype": "bfloat16"},
    "prompts": [{"source": "tiny://prompts"}],
    "guard": {"name": "tiny://guard", "family": "tiny"},
    "evaluation": {"benchmarks": ["tiny-harmful"]},
}
COMMIT = "8b7c" * 10
PRINTS = {
    "student": f"hub:Qwen/Qwen3-8B@{COMMIT}",
    "generator": f"hub:Qwen/Qwen3-8B@{COMMIT}",
    "guard": f"sha256:{'ab' * 32}",
    "judge": f"sha256:{'ab' * 32}",
    "prompts/0": f"sha256:{'cd' * 32}",
    "benchmark/tiny-harmful": "tiny",
}
WEIGHTS = save({"base_model.layers.0.lora_A.weight": np.arange(12, dtype=np.float32).reshape(3, 4)})
ADAPTER = {
    "adapter_model.safetensors": WEIGHTS,
    "adapter_config.json": json.dumps({"peft_type": "LORA", "r": 3}).encode(),
    "curve.json": b"[]",
}


def run_in(store: Store, files: dict[str, bytes] = ADAPTER, good: bool = True, uid: str = "1-2-3") -> Run:
    """A run of which everything up to the report is complete in the store."""
    spec = RunSpec.model_validate(SPEC)
    run = Run("tiny", "default", uid, spec, store, plan.make(spec, PRINTS, name="tiny"), PRINTS)
    for node in run.plan.nodes:
        artifact = run.artifact(node.name)
        for name, content in (files if node.name == "adapter" else {}).items():
            artifact.put_file(name, content)
        if node.name == "report":
            told = {"name": run.name, "namespace": run.namespace, "uid": run.uid}
            document = samples.document(good, lineage=_lineage(run), run=told)
            artifact.put_file("summary.json", json.dumps(document).encode())
            artifact.put_file("model-card.md", "# A card — with more than ASCII\n".encode())
        if not artifact.is_complete():
            run.finish(node.name, chunks=0)
    return run


def released(folder: Path) -> Path:
    """A published adapter; returns its folder."""
    from thinksafe.stages.release import publish

    run = run_in(FolderStore(folder))
    publish(run)
    return folder / run.released
