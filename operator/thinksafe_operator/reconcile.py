"""One pass over one run: read, observe, decide, apply. May end between any two lines; the next pass goes on.

The order of what is written is the contract (state.Decision): the status first, and only if the run has not changed
since it was read. A Job is recorded before it is made, an outcome before its Job may go, an event told after both.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from thinksafe.errors import ThinkSafeError
from thinksafe_operator import events, metrics, parse
from thinksafe_operator.health import Echo
from thinksafe_operator.kube import Kube
from thinksafe_operator.observe import Observer
from thinksafe_operator.passes import REFUSED, as_stored, measured
from thinksafe_operator.queue import Key, Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import JOBS, RUNS, Resource, resource_of
from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Attempt, Decision, Job, Run, Seen
from thinksafe_operator.turn import live_jobs

log = logging.getLogger(__name__)

Decide = Callable[[Run, Seen, float], Decision]
Children = Callable[[Run, Attempt, Settings], list[dict]]


class Reconciler:
    """`phases` holds the phase of every run that was looked at and is still there."""

    def __init__(
        self,
        kube: Kube,
        observe: Observer,
        decide: Decide,
        children: Children,
        settings: Settings,
        *,
        queue: Queue,
        echo: Echo,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kube, self._observe, self._decide, self._children = kube, observe, decide, children
        self._settings, self._queue, self._echo, self._clock = settings, queue, echo, clock
        self.phases: dict[Key, str] = {}

    async def __call__(self, key: Key) -> float | None:
        """Seconds after which the run must be looked at again even if nothing happens. Raises what must be retried."""
        return await measured(self._pass(key))

    async def _pass(self, key: Key) -> float | None:
        try:
            raw = await self._kube.get(RUNS, *key)
        except ApiError as error:
            if error.status != 404:
                raise
            self._forget(key)
            return None
        run = parse.parse_run(raw)
        seen = await self._observe(run)
        decision = self._decide(run, seen, self._clock())
        told = [(raw, decision.events)]
        raw = await self._write_status(key, raw, run, decision)
        try:
            if refused := await self._create(run, decision):
                run = parse.parse_run(raw)
                seen = await self._observe.refused(run, seen, *refused)
                decision = replace(self._decide(run, seen, self._clock()), create=())
                await self._write_status(key, raw, run, decision)
                told.append((raw, decision.events))
            await self._delete(run, decision.delete)
        except ApiError:
            await events.tell_all(self._kube, told, self._clock())  # it is recorded, so the next pass does not tell it
            raise
        if not await events.tell_all(self._kube, told, self._clock()):
            # A namespace on its way out waits for its pods before it deletes a Job, and a Job keeps a failed pod
            # until it has made another one, which it cannot there: each would wait for the other for ever.
            await self._delete(run, live_jobs(seen))
        if decision.delete_run:
            await self._kube.delete(RUNS, run.namespace, run.name, uid=run.uid, propagation="Background")
        return decision.requeue_after

    async def _delete(self, run: Run, jobs: Iterable[Job]) -> None:
        for job in jobs:
            await self._kube.delete(JOBS, run.namespace, job.name, uid=job.uid, propagation="Foreground")

    async def _create(self, run: Run, decision: Decision) -> tuple[Attempt, ApiError] | None:
        """Make what is to be made. What was refused, and how, if something was."""
        for attempt in decision.create:
            try:
                for body in self._children(run, attempt, self._settings):
                    await self._create_one(run, body)
            except ThinkSafeError as error:
                return attempt, ApiError(422, "Invalid", error.line())
            except _Refused as refused:
                log.warning("a Job was refused: %s", refused.error, extra=_about(run, attempt.stage))
                return attempt, refused.error
            log.info("a Job is there", extra=_about(run, attempt.stage))
        return None

    async def _create_one(self, run: Run, body: dict) -> None:
        """Make the object if it is not there. One of its name that is not this run's is refused: it is not ours."""
        resource, name = resource_of(body["kind"]), body["metadata"]["name"]
        # A run read without stages has none yet: nothing is made before its status is written.
        if body["kind"] == "ConfigMap" and run.status.get("stages") and await self._is_there(resource, run, name):
            return  # as for every stage but the first
        try:
            await self._kube.create(resource, run.namespace, body)
        except ApiError as error:
            if error.reason == "AlreadyExists" and await self._is_there(resource, run, name):
                return
            if error.reason == "AlreadyExists" or error.status in REFUSED:
                raise _Refused(error) from error
            raise

    async def _is_there(self, resource: Resource, run: Run, name: str) -> bool:
        """Whether the run has such a child."""
        try:
            return parse.owner_uid(await self._kube.get(resource, run.namespace, name)) == run.uid
        except ApiError as error:
            if error.status != 404:
                raise
            return False

    async def _write_status(self, key: Key, raw: dict, run: Run, decision: Decision) -> dict:
        """The run as it is then. Also a status that has not changed is written before anything is made or deleted:

        if the run has changed since it was read, this fails, and nothing is done on the strength of an old reading.
        """
        status = as_stored(decision.status)
        if status != run.status or decision.create or decision.delete or decision.delete_run:
            raw = await self._kube.apply_status(RUNS, raw, status)
            self._echo.expect(key, raw["metadata"]["resourceVersion"])
            metrics.count_transition(run.status, status)
            _log_transition(run, status)
        self.phases[key] = status.get("phase", "")
        return raw

    def _forget(self, key: Key) -> None:
        self.phases.pop(key, None)
        self._queue.forget(key)
        self._echo.forget(key)


class _Refused(Exception):
    """The API server, or the manifest itself, does not let a child be made."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(str(error))
        self.error = error


def _log_transition(run: Run, status: dict) -> None:
    before = {s["name"]: s.get("state") for s in run.status.get("stages") or []}
    for stage in status.get("stages") or []:
        if before.get(stage["name"], "Waiting") != stage.get("state"):
            failure = stage.get("lastFailure") or {}
            reason = {"reason": failure["reason"]} if failure.get("reason") else {}
            log.info("the stage is %s", stage.get("state"), extra={**_about(run, stage["name"]), **reason})
    if run.status.get("phase") != status.get("phase"):
        log.info("the run is %s", status.get("phase"), extra=_about(run))


def _about(run: Run, stage: str | None = None) -> dict[str, str]:
    return {"namespace": run.namespace, "run": run.name, **({"stage": stage} if stage else {})}
