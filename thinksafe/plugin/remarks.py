"""What is said under a run's tree: why it waits or failed, what came out, and what to do next. Pure."""

from rich.console import RenderableType
from rich.text import Text

from thinksafe.plugin import figures, runs
from thinksafe.plugin.runs import Run

UNSEEN = 60.0  # seconds after which the operator should have looked at a new run


def remarks(run: Run, now: float, flags: str = "") -> list[RenderableType]:
    """In the order in which they are read. `flags`: kubectl's, so that a command told here can be copied."""
    told: list[RenderableType] = [] if (why := _why(run, now)) is None else [why]
    if runs.has_ended(run):
        told += _outcome(run)
    return told + [_whole(line, "dim") for line in _next(run, flags)]


def _why(run: Run, now: float) -> Text | None:
    status = runs.status(run)
    if not status.get("phase"):
        waited = runs.age(run, now) or 0.0
        if waited < UNSEEN:
            return Text("The operator has not looked at it yet", "yellow")
        return Text(
            "The operator has not looked at it yet: is it running, and does it watch this namespace? "
            "(kubectl get deployments -A -l app.kubernetes.io/name=thinksafe)", "yellow"
        )  # fmt: skip
    message, reason = status.get("message", ""), runs.reason(run)
    if not message or reason == "Complete" or (reason == "Running" and "Before:" not in message):
        return None  # the tree says it all
    if reason in ("Pending", "Queued", "Suspended", "Resumed", "Running"):
        return Text(message)
    return Text(f"{reason}: ", "bold red" if runs.needs_someone(run) else "bold yellow").append(message, "not bold")


def _outcome(run: Run) -> list[RenderableType]:
    told: list[RenderableType] = []
    if (table := figures.measured(run)) is not None:
        told += [Text(), table, Text()]
    if runs.status(run).get("judged"):
        told.append(_line("kept by the guard", figures.kept(run)))
    if runs.gpu_seconds(run):
        told.append(_line("GPU time", figures.gpu_time(run)))
    told += [_line(what, runs.status(run)[what]) for what in ("report", "adapter") if runs.status(run).get(what)]
    return told


def _line(what: str, value: str) -> Text:
    return _whole(f"{what}: ", "bold").append(value, "not bold")


def _whole(text: str, style: str) -> Text:
    """A line that is not broken, however narrow the terminal is: it holds what somebody will copy."""
    return Text(text, style, no_wrap=True, overflow="ignore")


def _next(run: Run, flags: str) -> list[str]:
    name, phase = runs.name(run), runs.phase(run)
    ours, end = "kubectl thinksafe", f" {flags}".rstrip()
    if phase == "Failed":
        stage = runs.stage(run, runs.status(run).get("stage", ""))
        logs = [f"Its log:  {ours} logs {name}{end}"] if stage and stage.get("attempt") else []
        return [*logs, f"If the manifest is right, once the cause is gone:  {ours} retry {name}{end}"]
    if phase in ("Succeeded", "GateFailed"):
        return [f"See its report:  {ours} report {name} --open{end}"]
    if phase == "Suspended":
        patch = '{"spec":{"suspend":false}}'
        return [f"Go on:  kubectl patch tsr {name} --type=merge -p '{patch}'{end}"]
    return []
