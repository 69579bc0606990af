"""Everything that is known of one experiment at this moment, asked of the API server: there are few of them."""

import time
from collections.abc import Callable

from thinksafe.experiment_status import VARIANT_ENDS
from thinksafe.spec.experiment import EXPERIMENT_KIND
from thinksafe_operator import parse
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.experiments.parse import child
from thinksafe_operator.experiments.state import Child, Experiment, Seen
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_EXPERIMENT_UID, LABEL_KUEUE_JOB_UID
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import JOBS, PODS, RUNS, Resource
from thinksafe_operator.state import Job, Pod, Workload

_RECENT_SECONDS = 3600.0


class Observer:
    """`complaints`: the warnings about Jobs. `kueue`: where Kueue's Workloads are, None where it is not."""

    def __init__(self, kube: Kube, complaints: Complaints, kueue: Callable[[], Resource | None]) -> None:
        self._kube, self._complaints, self._kueue = kube, complaints, kueue

    async def __call__(self, experiment: Experiment) -> Seen:
        """What is seen of it. Nothing comes from a cache, so that what is absent does not exist."""
        if experiment.deleting:
            return Seen()
        job = await self._job(experiment)
        pods = await self._pods(experiment, job) if job else ()
        return Seen(
            runs=await self._runs(experiment),
            job=job,
            pods=pods,
            workload=await self._workload(experiment, job) if job and job.suspended else None,
            warnings=self._warnings(experiment, job, pods) if job else (),
        )

    async def _runs(self, experiment: Experiment) -> tuple[Child, ...]:
        if "completionTime" in experiment.status:
            return ()
        listed = await self._kube.list_all(
            RUNS, experiment.namespace, labels=f"{LABEL_EXPERIMENT_UID}={experiment.uid}"
        )
        found = {raw["metadata"]["name"]: child(raw, experiment.uid) for raw in listed}
        for variant in experiment.status.get("variants", ()):
            # One that is recorded and not listed: it is gone, or it lost its label, or the name is another's.
            if variant.get("run") and variant["run"] not in found and variant.get("phase") not in VARIANT_ENDS:
                raw = await self._get(RUNS, experiment, variant["run"])
                found |= {variant["run"]: child(raw, experiment.uid)} if raw else {}
        return tuple(found[name] for name in sorted(found))

    async def _job(self, experiment: Experiment) -> Job | None:
        told = experiment.status.get("comparison") or {}
        if "job" not in told:
            return None
        raw = await self._get(JOBS, experiment, told["job"])
        return parse.parse_job(raw, experiment.uid, EXPERIMENT_KIND) if raw else None

    async def _pods(self, experiment: Experiment, job: Job) -> tuple[Pod, ...]:
        selector = f"batch.kubernetes.io/controller-uid={job.uid}"
        return tuple(
            parse.parse_pod(p) for p in await self._kube.list_all(PODS, experiment.namespace, labels=selector)
        )

    async def _workload(self, experiment: Experiment, job: Job) -> Workload | None:
        if (kueue := self._kueue()) is None:
            return None
        selector = f"{LABEL_KUEUE_JOB_UID}={job.uid}"
        found = await self._kube.list_all(kueue, experiment.namespace, labels=selector)
        return parse.parse_workload(found[0]) if found else None

    def _warnings(self, experiment: Experiment, job: Job, pods: tuple[Pod, ...]) -> tuple[tuple[str, str], ...]:
        """Why there is no pod: the Job's own events tell it."""
        if job.suspended or job.finished or pods:
            return ()
        found = self._complaints.of(experiment.namespace, job.name)
        return tuple((reason, said) for when, reason, said in sorted(found) if time.time() - when < _RECENT_SECONDS)

    async def _get(self, resource: Resource, experiment: Experiment, name: str) -> dict | None:
        try:
            return await self._kube.get(resource, experiment.namespace, name)
        except ApiError as error:
            if error.status != 404:
                raise
            return None
