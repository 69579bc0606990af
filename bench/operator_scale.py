"""Thousands of runs at once: our operator beside Kubeflow's training-operator, on a real API server without nodes.

    python bench/operator_scale.py [-n 1000 5000] [--rate 50] [--whole 1000] [--minutes 30]

Each operator gets a control plane of its own (etcd, kube-apiserver, kube-controller-manager; no scheduler, no node),
one after the other. The same client makes `n` objects of it, `rate` a second at most, and what counts is the time
from an object's creation to that of its first child: a ThinkSafeRun's Job, a PyTorchJob's pod. Both times, and every
call, are those of the API server's audit log. Then nothing happens for half a minute: what an operator does meanwhile
is what waiting objects cost. Then, ours only and up to `whole` objects, a script plays the pods, two writes of
each pod's status, so that real Job controllers see every stage to its end and every run becomes Ready.
"""

import argparse
import asyncio
import contextlib
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from bench.scale import audit, creator, subjects  # noqa: E402
from bench.scale.plane import NAMESPACE, Audited, audited  # noqa: E402
from bench.scale.play import Stage  # noqa: E402
from bench.scale.sampler import Sampler  # noqa: E402
from bench.scale.subjects import Subject  # noqa: E402
from thinksafe_operator.kube import Kube  # noqa: E402
from thinksafe_operator.resources import RUNS  # noqa: E402

IDLE_SECONDS = 30.0
MOMENTS = 8  # of the memory's course
STARTERS: dict[str, Callable[[Audited], Subject]] = {"ours": subjects.start_ours, "peer": subjects.start_peer}


@dataclass
class Result:
    """What one operator did with `count` objects. Times are Unix seconds; `played` is None without a whole run."""

    count: int
    name: str
    calls: audit.Calls
    sampler: Sampler
    passes: float
    started: float
    first_children: float
    waited: float
    played: float | None = None
    ready: int = 0

    def processor(self, start: float, end: float) -> float:
        """Seconds of processor time."""
        inside = [s.cpu for s in self.sampler.samples if start <= s.at <= end]
        return inside[-1] - inside[0] if inside else 0.0


async def measure(cluster: Audited, subject: Subject, options: argparse.Namespace, count: int) -> Result:
    async with await Kube.connect(str(cluster.plane.kubeconfig)) as kube:
        with Sampler(subject.process.pid) as sampler:
            started, passes = time.time(), subject.reconciles()
            await creator.create(kube, subject.objects, subject.manifest, count, options.rate)
            await _until(lambda: _have(kube, subject, count), subject, options.minutes)
            first, passes = time.time(), subject.reconciles() - passes
            await asyncio.sleep(IDLE_SECONDS)
            waited, played, ready = time.time(), None, 0
            if subject.objects == RUNS and count <= options.whole:
                await _play(cluster, kube, subject, count, options.minutes)
                played, ready = time.time(), _ready(cluster)
            # The log of the API server is read only now: reading would take the processor from what is measured.
            calls = audit.read(
                cluster.audit, user=subject.user, resource=subject.objects.plural, child=subject.child.plural
            )
            if not calls.first:
                raise RuntimeError(f"{subject.name} has made nothing:\n{subject.process.tail()}")
            return Result(count, subject.name, calls, sampler, passes, started, first, waited, played, ready)


async def _have(kube: Kube, subject: Subject, count: int) -> bool:
    return await creator.how_many(kube, subject.child) >= count


async def _play(cluster: Audited, kube: Kube, subject: Subject, count: int, minutes: float) -> None:
    playing = asyncio.create_task(Stage(kube).run())

    async def done() -> bool:
        if playing.done():
            playing.result()
        return await asyncio.to_thread(_ready, cluster) >= count

    try:
        # Seldom: all runs are read for it, which is work for the API server.
        await _until(done, subject, minutes, every=15)
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)


def _ready(cluster: Audited) -> int:
    """Runs whose phase says that they went well."""
    phases = cluster.plane.kubectl("get", RUNS.plural, "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.phase}")
    return phases.split().count("Succeeded")


async def _until(done: Callable, subject: Subject, minutes: float, every: float = 1) -> None:
    """Returns also when the time is over: the table then tells how far it came."""
    end = time.monotonic() + 60 * minutes
    while not await done():
        if not subject.process.running:
            raise RuntimeError(f"{subject.name} has ended:\n{subject.process.tail()}")
        if time.monotonic() > end:
            print(f"{subject.name}: not done after {minutes:g} minutes", file=sys.stderr)
            return
        await asyncio.sleep(every)


def run(kind: str, count: int, options: argparse.Namespace) -> Result:
    with audited() as cluster:
        subject = STARTERS[kind](cluster)
        try:
            result = asyncio.run(measure(cluster, subject, options, count))
        finally:
            subject.process.stop(20)
            subjects.clear_up()
            if options.logs:
                options.logs.mkdir(parents=True, exist_ok=True)
                log = subject.process.log
                (options.logs / f"{kind}-{count}.log").write_bytes(log.read_bytes())
        return result


def table(results: list[Result]) -> str:
    """One column a result."""
    names = [f"{r.name}, {r.count}" for r in results]
    rows: dict[str, list[str]] = {"": names}
    for r in results:
        for title, text in cells(r).items():
            rows.setdefault(title, []).append(text)
    lines = ["| " + " | ".join([title, *texts]) + " |" for title, texts in rows.items()]
    return "\n".join([lines[0], "| --- " * (len(results) + 1) + "|", *lines[1:]])


def cells(r: Result) -> dict[str, str]:
    latencies, calls, last = r.calls.latencies(), r.calls, max(r.calls.first.values())
    before = calls.until_first_child()
    waiting = calls.between(r.first_children, r.waited)
    found = {
        "created, a second": f"{calls.creation_rate():.0f}",
        "first children": f"{len(latencies)}",
        "to the first child, median": f"{latencies[len(latencies) // 2]:.2f} s",
        "to the first child, 99 of 100": f"{latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)]:.2f} s",
        "from the first object to the last first child": f"{calls.total():.1f} s",
        "passes a second until then": f"{r.passes / (r.first_children - r.started):.1f}",
        "processor time until then, an object": f"{1000 * r.processor(r.started, last) / r.count:.1f} ms",
        "calls an object, up to its first child": f"{before.total() / len(latencies):.2f}",
        "calls a second while all wait": f"{waiting.total() / (r.waited - r.first_children):.1f}",
        "processor while all wait": f"{100 * r.processor(r.first_children, r.waited) / IDLE_SECONDS:.0f} %",
        "memory at the start": f"{r.sampler.samples[0].rss / 2**20:.0f} MiB",
        "memory, peak until all wait": f"{r.sampler.peak_mib(r.started, r.waited):.0f} MiB",
        "memory over the whole time": f"{' '.join(f'{mib:.0f}' for mib in r.sampler.course_mib(MOMENTS))} MiB",
        "answers of 400 and above": ", ".join(f"{k} ({v})" for k, v in calls.refused.most_common(4)) or "none",
    }
    if r.played is None:
        return found | dict.fromkeys(_WHOLE, "")
    whole = calls.between(0, r.waited - IDLE_SECONDS) + calls.between(r.waited, r.played)
    took = r.played - r.waited
    told = (
        f"{r.ready}", f"{took:.0f} s", f"{whole.total() / r.count:.1f}", _most(whole, r.count),
        f"{r.processor(r.waited, r.played) / took * 100:.0f} %", f"{r.sampler.peak_mib(r.waited, r.played):.0f} MiB",
    )  # fmt: skip
    return found | dict(zip(_WHOLE, told, strict=True))


_WHOLE = (
    "runs seen to their end", "time for that", "calls a run, whole", "of these", "processor meanwhile",
    "memory, peak meanwhile",
)  # fmt: skip


def _most(calls: Counter[str], count: int) -> str:
    return ", ".join(f"{what} {number / count:.1f}" for what, number in calls.most_common(8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, nargs="+", default=[1000], metavar="N", help="how many objects")
    parser.add_argument("--rate", type=float, default=50, help="objects made a second, at most")
    parser.add_argument("--whole", type=int, default=1000, metavar="N", help="see up to so many runs to their end")
    parser.add_argument("--minutes", type=float, default=30, help="the longest that one phase may take")
    parser.add_argument("--only", choices=list(STARTERS), help="one of the two operators")
    parser.add_argument("--logs", type=Path, help="a folder for the operators' logs")
    options = parser.parse_args()
    kinds = [options.only] if options.only else list(STARTERS)
    results = []
    for count in options.n:
        for kind in kinds:
            print(f"{kind}, {count} objects", file=sys.stderr, flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                results.append(run(kind, count, options))
                print(table(results[-1:]), file=sys.stderr, flush=True)  # what takes an hour may be cut off
    if results:
        print(table(results))


if __name__ == "__main__":
    main()
