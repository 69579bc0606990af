"""Everything that is known of one run at this moment, fetched where the caches cannot know it."""

import time
from dataclasses import replace

from thinksafe_operator import parse
from thinksafe_operator.children import Jobs, Pods, Workloads
from thinksafe_operator.complaints import Complaints
from thinksafe_operator.kube import Kube
from thinksafe_operator.names import LABEL_KUEUE_JOB_UID, job_name
from thinksafe_operator.progress import Heard
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import JOBS, PODS, Resource
from thinksafe_operator.state import Attempt, Job, Pod, Run, Seen, Workload

PATIENCE_SECONDS = 5.0  # a Job without a running pod for longer has a reason; sooner, it may pass by itself
_RECENT_SECONDS = 3600.0
_MOST_WARNINGS = 8
_ENDED_PHASES = ("Succeeded", "GateFailed", "Failed")
_ENDED_STATES = ("Succeeded", "Cached", "Failed")


class Observer:
    """Looks at one run after the other. `kueue` is None as long as the cluster has no Kueue."""

    def __init__(
        self,
        kube: Kube,
        jobs: Jobs,
        pods: Pods,
        workloads: Workloads,
        heard: Heard,
        of_jobs: Complaints,
        of_pods: Complaints,
    ) -> None:
        self._kube, self._jobs, self._pods, self._workloads, self._heard = kube, jobs, pods, workloads, heard
        self._of_jobs, self._of_pods = of_jobs, of_pods
        self.kueue: Resource | None = None

    async def __call__(self, run: Run) -> Seen:
        """What is seen of `run`. A cache's *absent* is never taken for an answer where one is recorded as present."""
        ended = run.deleting or run.status.get("phase") in _ENDED_PHASES
        current = None if ended else current_stage(run)
        name = job_name(run.name, run.uid, *current) if current else None
        self._jobs.release(run.uid, but=name)
        self._pods.release(run.uid)
        jobs = {job.name: job for job in self._jobs.of(run.uid)}
        pods = self._pods.of(run.uid)
        if ended:
            return Seen(tuple(jobs.values()), tuple(pods), live=False)  # what still runs and should not
        if name is not None:
            job = await self._job(run, name, jobs)
            if job is not None and job.finished and job.ours and not _all_told(job, pods):
                pods = await self._last_pods(run, job, pods)
        live = next((j for j in jobs.values() if not j.finished), None)
        return Seen(
            live=True,  # the recorded Job is either known or was asked for
            jobs=tuple(jobs.values()),
            pods=tuple(pods),
            workload=await self._workload(run, live) if live else None,
            progress=self._heard.of(run.uid, live.stage) if live else None,
            warnings=self._warnings(run, live, pods) if live else (),
        )

    async def refused(self, run: Run, seen: Seen, attempt: Attempt, error: ApiError) -> Seen:
        """The same view, with what the API server said to a Job; and, if its name is taken, with who took it."""
        jobs = {job.name: job for job in seen.jobs}
        if error.reason == "AlreadyExists":
            await self._job(run, job_name(run.name, run.uid, attempt.stage, attempt.attempt), jobs)
        return replace(seen, jobs=tuple(jobs.values()), refused=(error.status, error.message))

    async def _job(self, run: Run, name: str, known: dict[str, Job]) -> Job | None:
        if name not in known:
            try:
                known[name] = parse.parse_job(await self._kube.get(JOBS, run.namespace, name), run.uid)
            except ApiError as error:
                if error.status != 404:
                    raise
        return known.get(name)

    async def _last_pods(self, run: Run, job: Job, pods: list[Pod]) -> list[Pod]:
        # The words of the last pod may not have come through the watch of pods when the watch of Jobs says it ended.
        selector = f"batch.kubernetes.io/controller-uid={job.uid}"
        fresh = [parse.parse_pod(p) for p in await self._kube.list_all(PODS, run.namespace, labels=selector)]
        names = {p.name for p in fresh}
        return [*fresh, *(p for p in pods if p.name not in names)]

    async def _workload(self, run: Run, job: Job) -> Workload | None:
        if self.kueue is None or not run.spec.get("queueName"):
            return None
        if known := self._workloads.of(job.uid):
            return known[0]
        found = await self._kube.list_all(self.kueue, run.namespace, labels=f"{LABEL_KUEUE_JOB_UID}={job.uid}")
        return parse.parse_workload(found[0]) if found else None

    def _warnings(self, run: Run, job: Job, pods: list[Pod]) -> tuple[tuple[str, str], ...]:
        """Warnings about a Job that should be running and is not, and about its pods; the newest first."""
        mine = [p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt)]
        if job.suspended or job.deleting or any(p.running for p in mine):
            return ()
        if time.time() - job.created < PATIENCE_SECONDS:
            return ()
        # Why there is no pod the Job's events tell; why one has no node its own condition does.
        # After a pod that succeeded the Job is about to end.
        found = [w for p in mine if p.phase == "Pending" and p.node for w in self._of_pods.of(run.namespace, p.name)]
        if all(p.phase == "Failed" for p in mine):
            found = self._of_jobs.of(run.namespace, job.name)
        recent = sorted((w for w in found if time.time() - w[0] < _RECENT_SECONDS), reverse=True)
        return tuple((reason, message) for _, reason, message in recent[:_MOST_WARNINGS])


def _all_told(job: Job, pods: list[Pod]) -> bool:
    """Whether the last words of all workers of a Job that ended well are among these."""
    mine = [p for p in pods if (p.stage, p.attempt) == (job.stage, job.attempt) and p.exit_code == 0 and p.words]
    return job.finished == "Complete" and len({p.index for p in mine}) >= max(1, job.succeeded)


def current_stage(run: Run) -> tuple[str, int] | None:
    """The stage that has a recorded attempt and no recorded outcome, with that attempt. Pure."""
    for stage in run.status.get("stages") or []:
        if stage.get("attempt") and stage.get("state") not in _ENDED_STATES:
            return stage["name"], stage["attempt"]
    return None
