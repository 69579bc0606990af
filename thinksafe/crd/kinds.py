"""The kinds of objects that have a definition, and what each is told to be."""

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from thinksafe.experiment_status import ExperimentStatus
from thinksafe.spec import KIND, RunSpec
from thinksafe.spec.experiment import EXPERIMENT_KIND, MAX_RUN_NAME, ExperimentSpec
from thinksafe.status import RunStatus

Column = tuple[str, str, str, int]  # name, type, path, priority


@dataclass(frozen=True, eq=False)
class Kind:
    """`mutable`: the fields of the spec that may change. `rules`: CEL rules about the whole object."""

    name: str
    plural: str
    short: str
    sentence: str
    spec: type[BaseModel]
    status: type[BaseModel]
    mutable: tuple[str, ...]
    changed: str  # what another input is, as the message about a change says it
    columns: tuple[Column, ...]
    rules: tuple[dict[str, Any], ...] = ()


RUN = Kind(
    name=KIND,
    plural="thinksaferuns",
    short="tsr",
    sentence="A ThinkSafeRun repairs the safety of a reasoning model with its own refusals.",
    spec=RunSpec,
    status=RunStatus,
    # New inputs are a new run, so that what was made can be trusted to be made of what the spec says.
    mutable=("suspend", "activeDeadlineSeconds", "ttlSecondsAfterFinished"),
    changed="other inputs are another run",
    columns=(
        ("Phase", "string", ".status.phase", 0),
        ("Stage", "string", ".status.stage", 0),
        ("Progress", "string", ".status.progress", 0),
        ("Gate", "string", ".status.gate", 0),
        ("Queue", "string", ".spec.queueName", 1),
        ("Message", "string", ".status.message", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ),
)
EXPERIMENT = Kind(
    name=EXPERIMENT_KIND,
    plural="thinksafeexperiments",
    short="tse",
    sentence="A ThinkSafeExperiment compares variants of one run.",
    spec=ExperimentSpec,
    status=ExperimentStatus,
    mutable=("suspend", "parallelism", "ttlSecondsAfterFinished"),
    changed="another comparison is another experiment",
    columns=(
        ("Phase", "string", ".status.phase", 0),
        ("Done", "string", ".status.done", 0),
        ("Baseline", "string", ".status.baseline", 0),
        ("Report", "string", ".status.report", 1),
        ("Message", "string", ".status.message", 1),
        ("Age", "date", ".metadata.creationTimestamp", 0),
    ),
    rules=(
        {
            "rule": f"self.spec.variants.all(v, size(self.metadata.name) + 1 + size(v.name) <= {MAX_RUN_NAME})",
            "message": f"a variant's run is named <experiment>-<variant>, at most {MAX_RUN_NAME} characters long",
            "fieldPath": ".spec.variants",
        },
    ),
)
KINDS = (RUN, EXPERIMENT)
