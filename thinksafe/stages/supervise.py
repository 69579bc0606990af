"""The worker as its caller sees it: a small process that starts the steps, and tells how they are and how they ended.

The work is in child processes (stages/step.py), so whatever happens to them - a native crash, no memory, an engine
that hangs - there are still last words. As process 1 of a container it takes SIGTERM, hands it on, ends what does
not end by itself, and buries what was left over.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from thinksafe import manifest
from thinksafe.errors import ThinkSafeError
from thinksafe.plan import further_guards
from thinksafe.spec import AUTO
from thinksafe.stages import fetching, processes, reach, words
from thinksafe.stages.assignment import Assignment
from thinksafe.stages.crew import Crew
from thinksafe.stages.group import Group
from thinksafe.stages.link import Link
from thinksafe.stages.surroundings import surroundings
from thinksafe.stages.telling import Teller, is_done

LOOK_SECONDS = 5.0  # between looks at the store while the others of a group are waited for


@dataclass
class Stop:
    """Whether this worker was asked to stop."""

    asked: bool = False


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """Take SIGTERM and Ctrl-C as a wish to stop. A process 1 without a handler would never get the signal."""
    stop = Stop()

    def ask(*_: object) -> None:
        if not stop.asked:  # whatever comes now, even SIGKILL, there are words
            words.note(words.fitted(words.interrupted()))
        stop.asked = True

    before = {s: signal.signal(s, ask) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def work(task: Assignment, parent: int = 0) -> int:
    """Do a stage: each of its steps in turn. Returns the exit code, after the last words are told.

    `parent`: the id of the process without which this worker has no purpose; none in a pod. It is asked to stop when
    that ends.
    """
    os.environ |= reach.surroundings(surroundings(os.environ))
    reach.keep_away()
    processes.adopt_orphans()
    with listening() as stop:
        if parent:
            processes.die_with_parent(parent, signal.SIGTERM)
        teller = Teller(task)
        try:
            last = _steps(task, stop, teller)
        except ThinkSafeError as error:
            last = words.of_error(error)
        teller.close()
        counted = last.get("counts")
        counts = {**teller.counts, **(counted if isinstance(counted, dict) else {})}
        return words.leave({"artifacts": {}, **last, "stage": task.stage, "counts": counts})


def _steps(task: Assignment, stop: Stop, teller: Teller) -> words.Words:
    """Do the steps until one fails; returns the words of all, or those of the failed one."""
    last = words.Words()
    for step in _planned(task):
        teller.step = step.step
        said = words.interrupted() if stop.asked else _run(step, stop)
        last = {**last, **said} if not said["code"] else said
        if last["code"]:
            break
    return last


def _planned(task: Assignment) -> list[Assignment]:
    """The steps, with one that brings models of the hub where any are needed."""
    spec = manifest.read(task.file).spec
    steps = task.steps(further_guards(spec), probes=spec.steering.template == AUTO)
    if not fetching.roles(spec, task, os.environ):
        return steps
    fetch = task.at(fetching.STEP)
    return [*steps, fetch] if task.stage == "prepare" else [fetch, *steps]


def _run(step: Assignment, stop: Stop) -> words.Words:
    """Do one step, in as many processes as it takes; returns its last words."""
    env = dict(os.environ)
    if step.stage != "prepare" and step.step != fetching.STEP:
        env.setdefault("HF_HUB_OFFLINE", "1")  # all it needs is here; a hub that is down must not matter
    group = Group.of(step, env)
    if group and is_done(step):
        group = None
    if group is None:
        return Crew(step, [env]).watch(lambda: stop.asked)
    link = Link(group, step.uid) if group.pods > 1 else None
    done = False
    try:
        if link and not _met(link, step, stop):
            return words.interrupted() if stop.asked else Crew(step, [env]).watch(lambda: stop.asked)
        said = Crew(step, group.environments(env)).watch(lambda: stop.asked, lambda: link.broken if link else "")
        done = said["code"] == 0
        return said
    finally:
        if link:
            link.leave(done=done)


def _met(link: Link, step: Assignment, stop: Stop) -> bool:
    """Wait until pod 0 is there. False if there is nothing to do any more: asked to stop, or the stage is done."""
    looked = time.monotonic()
    while not link.ready:
        time.sleep(0.1)
        if stop.asked:
            return False
        if time.monotonic() - looked > LOOK_SECONDS:
            looked = time.monotonic()
            if is_done(step):
                return False
    return True
