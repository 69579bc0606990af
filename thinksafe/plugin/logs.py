"""`kubectl thinksafe logs`: what the workers of a stage say. Their logs hold no text of a row."""

from thinksafe.errors import DataError, UsageError
from thinksafe.plugin import runs
from thinksafe.plugin.kubectl import Kubectl
from thinksafe.plugin.runs import Run, Stage

MOST_WORKERS = 200  # pods whose logs are read at once


def logs(kubectl: Kubectl, name: str, stage: str | None, attempt: int | None, *more: str) -> int:
    """Let kubectl print the log of a stage's attempt, the current or the latest one if not said; its exit code."""
    run = kubectl.run(name)
    chosen = choose(run, stage)
    wanted = attempt or chosen["attempt"]
    labels = selector(run, chosen["name"], wanted)
    if not kubectl.text("get", "pods", "-l", labels, "-o", "name").strip():
        raise DataError(
            f"{runs.name(run)}: there is no pod of {chosen['name']}, attempt {wanted}, yet or any more",
            reason="NoPod", hint=f"Its Job says why: kubectl describe job -l {labels}",
        )  # fmt: skip
    return kubectl.through(
        "logs", "-l", labels, "--container=worker", "--prefix", f"--max-log-requests={MOST_WORKERS}", *more
    )


def choose(run: Run, wanted: str | None) -> Stage:
    """The stage that is asked for, else the current one or, if that has no Job yet, the last one that had."""
    known = runs.stages(run)
    if wanted is not None:
        stage = runs.stage(run, wanted)
        if stage is None:
            names = ", ".join(s["name"] for s in known) or "none yet"
            raise UsageError(f"{runs.name(run)} has no stage {wanted}; it has: {names}")
        if not stage.get("attempt"):
            raise DataError(f"{runs.name(run)}: {wanted} {_why_not(stage)}", reason="NoPod")
        return stage
    current = runs.stage(run, runs.status(run).get("stage", ""))
    tried = [s for s in known if s.get("attempt")]
    if not tried:
        raise DataError(f"{runs.name(run)}: none of its stages has started yet", reason="NoPod")
    return current if current in tried and current is not None else tried[-1]


def selector(run: Run, stage: str, attempt: int) -> str:
    """The labels of the attempt's pods."""
    labels = {"run-uid": run["metadata"]["uid"], "stage": stage, "attempt": attempt}
    return ",".join(f"thinksafe.dev/{key}={value}" for key, value in labels.items())


def _why_not(stage: Stage) -> str:
    if stage.get("state") == "Cached":
        return "had no worker: the store held all that it makes"
    return "has not started yet"
