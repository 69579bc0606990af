"""One pass over one experiment: read, observe, decide, apply. May end between any two lines; the next goes on.

The order of what is written is the contract (state.Decision), and it is that of a run's pass: the status first, and
only if the experiment has not changed since it was read.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import replace

from thinksafe.errors import ThinkSafeError
from thinksafe.spec.experiment import EXPERIMENT_KIND
from thinksafe_operator import events, parse
from thinksafe_operator.experiments import objects
from thinksafe_operator.experiments.decide import decide, parsed_of
from thinksafe_operator.experiments.observe import Observer
from thinksafe_operator.experiments.state import Child, Comparison, Decision, Experiment, Seen, Start
from thinksafe_operator.health import Echo
from thinksafe_operator.kube import Kube
from thinksafe_operator.passes import REFUSED, as_stored, measured
from thinksafe_operator.queue import Key, Queue
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import EXPERIMENTS, JOBS, RUNS, resource_of
from thinksafe_operator.settings import Settings

log = logging.getLogger(__name__)
_SOON_SECONDS = 1.0


class Reconciler:
    """`phases` holds the phase of every experiment that was looked at and is still there."""

    def __init__(
        self,
        kube: Kube,
        observe: Observer,
        settings: Settings,
        *,
        queue: Queue,
        echo: Echo,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kube, self._observe, self._settings = kube, observe, settings
        self._queue, self._echo, self._clock = queue, echo, clock
        self.phases: dict[Key, str] = {}

    async def __call__(self, key: Key) -> float | None:
        """Seconds after which it must be looked at again even if nothing happens. Raises what must be retried."""
        return await measured(self._pass(key))

    async def _pass(self, key: Key) -> float | None:
        try:
            raw = await self._kube.get(EXPERIMENTS, *key)
        except ApiError as error:
            if error.status != 404:
                raise
            self._forget(key)
            return None
        experiment = parse.parse_run(raw)
        seen = await self._observe(experiment)
        decision = decide(experiment, seen, self._clock())
        told = [(raw, decision.events)]
        raw = await self._write_status(key, raw, experiment, decision)
        try:
            after = await self._carry_out(key, raw, experiment, seen, decision, told)
        except ApiError:
            await events.tell_all(self._kube, told, self._clock())  # it is recorded, so the next pass does not tell it
            raise
        await events.tell_all(self._kube, told, self._clock())
        if decision.delete:
            await self._kube.delete(EXPERIMENTS, *key, uid=experiment.uid, propagation="Background")
        return after

    async def _carry_out(
        self, key: Key, raw: dict, experiment: Experiment, seen: Seen, decision: Decision, told: list[events.Told]
    ) -> float | None:
        """Do what is decided, now that it is recorded; what happens on the way is added to `told`."""
        after = decision.requeue_after
        if refused := await self._make(experiment, seen, decision):
            experiment = parse.parse_run(raw)
            again = decide(experiment, refused, self._clock())
            await self._write_status(key, raw, experiment, replace(again, start=(), compare=None))
            told.append((raw, again.events))
            after = _SOON_SECONDS if again.start or again.compare else again.requeue_after
        for child, suspend in decision.suspend:
            await self._set_suspend(experiment, child, suspend)
        if (job := decision.delete_job) is not None:
            await self._kube.delete(JOBS, experiment.namespace, job.name, uid=job.uid, propagation="Foreground")
        return after

    async def _make(self, experiment: Experiment, seen: Seen, decision: Decision) -> Seen | None:
        """Make what is to be made. What is seen then with what was refused, if something was."""
        refused = {s.variant: no for s in decision.start if (no := await self._make_run(experiment, s))}
        job = await self._make_job(experiment, decision.compare) if decision.compare else None
        return replace(seen, refused=refused, job_refused=job) if refused or job else None

    async def _make_run(self, experiment: Experiment, start: Start) -> tuple[int, str] | None:
        try:
            body = objects.run(experiment, parsed_of(experiment), start)
        except ThinkSafeError as error:
            return 422, error.line()
        no = await self._create(experiment, body)
        if no is None:
            log.info("the run of %s is there", start.variant, extra=_about(experiment))
        return no

    async def _make_job(self, experiment: Experiment, wanted: Comparison) -> tuple[int, str] | None:
        try:
            made = objects.comparison(experiment, parsed_of(experiment), wanted, self._settings)
        except ThinkSafeError as error:
            return 422, error.line()
        for body in made:
            if no := await self._create(experiment, body):
                return no
        log.info("the Job %s is there", wanted.job, extra=_about(experiment))
        return None

    async def _create(self, experiment: Experiment, body: dict) -> tuple[int, str] | None:
        """Make the object if it is not there. HTTP status and message of a refusal; raises what must be retried."""
        resource, name = resource_of(body["kind"]), body["metadata"]["name"]
        try:
            await self._kube.create(resource, experiment.namespace, body)
        except ApiError as error:
            if error.reason == "AlreadyExists":
                there = await self._kube.get(resource, experiment.namespace, name)
                if parse.owner_uid(there, EXPERIMENT_KIND) == experiment.uid:
                    return None
            elif error.status not in REFUSED:
                raise
            log.warning("%s was refused: %s", name, error, extra=_about(experiment))
            return error.status, error.message
        return None

    async def _set_suspend(self, experiment: Experiment, child: Child, suspend: bool) -> None:
        patch = {"metadata": {"uid": child.uid}, "spec": {"suspend": suspend}}
        try:
            await self._kube.merge(RUNS, experiment.namespace, child.name, patch)
        except ApiError as error:
            if error.status != 404:  # deleted since
                raise

    async def _write_status(self, key: Key, raw: dict, experiment: Experiment, decision: Decision) -> dict:
        """The experiment as it is then. Also an unchanged status is written before anything is made: the fence."""
        status = as_stored(decision.status)
        if status != experiment.status or decision.acts:
            raw = await self._kube.apply_status(EXPERIMENTS, raw, status)
            self._echo.expect(key, raw["metadata"]["resourceVersion"])
            if experiment.status.get("phase") != status.get("phase"):
                log.info("the experiment is %s", status.get("phase"), extra=_about(experiment))
        self.phases[key] = status.get("phase", "")
        return raw

    def _forget(self, key: Key) -> None:
        self.phases.pop(key, None)
        self._queue.forget(key)
        self._echo.forget(key)


def _about(experiment: Experiment) -> dict[str, str]:
    return {"namespace": experiment.namespace, "experiment": experiment.name}
