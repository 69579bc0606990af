"""What is seen of an experiment and what is decided about it, as plain values. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from thinksafe_operator.state import Event, Job, Pod, Workload
from thinksafe_operator.state import Run as Experiment  # the same fields are read of both kinds

__all__ = ["Child", "Comparison", "Decision", "Experiment", "Seen", "Start"]


@dataclass(frozen=True)
class Child:
    """A ThinkSafeRun that has the name of a variant's. `ours`: its controller owner is the experiment, by uid.

    `suspend` is of its spec. `stalled`: it waits for a human. `adapter`: the digest of what it trained, "" if unknown.
    """

    name: str
    uid: str
    ours: bool = True
    deleting: bool = False
    suspend: bool = False
    phase: str = "Pending"
    stage: str = ""
    progress: str = ""
    gate: str = "Pending"
    reason: str = ""
    message: str = ""
    stalled: bool = False
    adapter: str = ""
    results: tuple[dict, ...] = ()


@dataclass(frozen=True)
class Seen:
    """Everything seen of one experiment, all of it asked of the API server after the experiment was read.

    `runs`: what has the name of a variant's run; if one is recorded and not among them, it does not exist. `job`: that
    of the recorded comparison, `pods` its pods, `workload` and `warnings` what is said of it. `refused`: by variant,
    HTTP status and message with which the API server refused to make the run decided on just before; `job_refused`
    the same of the comparison's Job.
    """

    runs: tuple[Child, ...] = ()
    job: Job | None = None
    pods: tuple[Pod, ...] = ()
    workload: Workload | None = None
    warnings: tuple[tuple[str, str], ...] = ()
    refused: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    job_refused: tuple[int, str] | None = None

    @property
    def live_job(self) -> Job | None:
        """The comparison's Job if it is ours and goes on, be it on its way out."""
        return self.job if self.job is not None and self.job.ours and not self.job.finished else None


@dataclass(frozen=True)
class Start:
    """A run to make: of this variant, its data written with the adapter of this digest if there is one."""

    variant: str
    adapter: str | None = None


@dataclass(frozen=True)
class Comparison:
    """A Job to make, named `job`: it compares the `runs` (by variant: name, namespace, uid, phase, why)."""

    job: str
    attempt: int
    runs: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Decision:
    """What is to be done, in this order: write the status, make runs, suspend or resume them, make or delete the Job.

    The write of the status is the fence, as for a run (thinksafe_operator.state.Decision): it is written first, also
    unchanged if anything else is to be done, and whoever decided from an old reading fails at it. `suspend`: runs
    whose spec.suspend is to be this.
    """

    status: dict
    start: tuple[Start, ...] = ()
    suspend: tuple[tuple[Child, bool], ...] = ()
    compare: Comparison | None = None
    delete_job: Job | None = None
    events: tuple[Event, ...] = ()
    delete: bool = False
    requeue_after: float | None = None

    @property
    def acts(self) -> bool:
        """Whether anything but the status is to be changed."""
        return bool(self.start or self.suspend or self.compare or self.delete_job or self.delete)
