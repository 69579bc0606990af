"""The `kubectl-thinksafe` command, which kubectl calls as `kubectl thinksafe`. It only reads arguments."""

import io
import sys
from typing import Annotated

import typer
from rich.console import Console

from thinksafe import __version__
from thinksafe.errors import ThinkSafeError, UsageError
from thinksafe.plugin import compare as comparing
from thinksafe.plugin import flags, runs
from thinksafe.plugin import logs as logging
from thinksafe.plugin import report as reporting
from thinksafe.plugin import retry as retrying
from thinksafe.plugin import status as standing
from thinksafe.plugin.kubectl import Kubectl

KUBECTLS = "kubectl's own flags (-n, --context, --kubeconfig, --as, ...) may stand anywhere, and are handed on to it."
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
    help="Look at ThinkSafeRuns, and do failed ones again.", epilog=KUBECTLS,
)  # fmt: skip
out = Console(highlight=False)
TYPER_USAGE = 2  # typer's exit code for a wrong call; ours is the one of sysexits

RunName = Annotated[str, typer.Argument(metavar="RUN", help="A ThinkSafeRun of the namespace.")]
Endpoint = Annotated[
    str | None,
    typer.Option(help="The S3 server as this machine reaches it; else that of the run, else AWS_ENDPOINT_URL_S3."),
]
Region = Annotated[str | None, typer.Option(help="The bucket's region; else that of the run, else yours.")]
Context = typer.Context  # its obj is the user's kubectl


@app.command(epilog=KUBECTLS)
def status(
    context: Context,
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="A ThinkSafeRun; all of them if unset.")] = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="List those of all namespaces.")] = False,
    watch: Annotated[
        bool | None,
        typer.Option(
            "--watch/--no-watch", "-w", help="Show it until it has ended, and say by the exit code how it did (1: "
            "failed). A run on a terminal is shown live anyway."
        ),
    ] = None,
) -> None:  # fmt: skip
    """Show how a run stands.

    A tree of its stages, what it waits for and what to do; without a RUN, a list of all runs.
    """
    kubectl = Kubectl(context.obj)
    if run is None:
        (standing.follow_all if watch else standing.show_all)(kubectl, out, everywhere=everywhere)
        return
    if everywhere:
        raise UsageError("--all-namespaces lists runs; a single RUN is in one namespace: -n NAMESPACE")
    live = out.is_terminal if watch is None else watch
    ended = (standing.follow if live else standing.show)(kubectl, run, out)
    if watch and runs.phase(ended) != "Succeeded":
        raise typer.Exit(1)


@app.command(epilog=KUBECTLS)
def logs(
    context: Context,
    run: RunName,
    stage: Annotated[
        str | None, typer.Argument(metavar="STAGE", help="prepare, generate, filter-2, ...; else the current one.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they are written.")] = False,
    tail: Annotated[int, typer.Option(help="So many last lines of each worker; -1 is all.")] = -1,
    since: Annotated[str | None, typer.Option(help="Only what is newer, such as 10m.")] = None,
    attempt: Annotated[int | None, typer.Option(min=1, help="An earlier attempt; else the latest.")] = None,
) -> None:
    """Print what the workers of a stage say."""
    more = [f"--tail={tail}", *(["--follow"] if follow else []), *([f"--since={since}"] if since else [])]
    raise typer.Exit(logging.logs(Kubectl(context.obj), run, stage, attempt, *more))


@app.command(epilog=KUBECTLS)
def report(
    context: Context,
    run: RunName,
    output: Annotated[str | None, typer.Option("--output", "-o", help="A file; - is standard output.")] = None,
    browse: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Fetch a run's web report.

    It comes from the store, with your own AWS credentials, and is written to RUN-report.html.
    """
    reporting.report(
        Kubectl(context.obj), run, out, output=output, browse=browse, endpoint=endpoint, region=region
    )


@app.command(epilog=KUBECTLS)
def compare(
    context: Context,
    a: Annotated[str, typer.Argument(metavar="A", help="A ThinkSafeRun.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    full: Annotated[
        bool, typer.Option("--full", help="Read both summaries from the store too: intervals, labels, signatures.")
    ] = False,
    endpoint: Endpoint = None,
    region: Region = None,
) -> None:
    """Show two runs side by side.

    What was measured, what the guard kept, what it took, and which settings differ.
    """
    comparing.compare(Kubectl(context.obj), a, b, out, full=full, endpoint=endpoint, region=region)


@app.command(epilog=KUBECTLS)
def retry(
    context: Context,
    run: RunName,
    force: Annotated[bool, typer.Option("--force", help="Also a run that has not failed.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the old run's pods to go.")] = 600.0,
) -> None:
    """Do a failed run again.

    It is deleted and created anew; all that it has committed is taken from the store.
    """
    retrying.retry(Kubectl(context.obj), run, out, force=force, seconds=timeout)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def main() -> None:
    """Run the command; a user's mistake ends in one line and its exit code, never in a traceback."""
    code: object = 0
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without our marks shows others in their place
    try:
        theirs, ours = flags.split(sys.argv[1:])
        app(ours, prog_name="kubectl thinksafe", obj=theirs)
    except ThinkSafeError as error:
        Console(stderr=True, highlight=False).print(f"thinksafe: {error.line()}", markup=False, soft_wrap=True)
        code = error.code
    except SystemExit as ended:
        code = UsageError.code if ended.code == TYPER_USAGE else ended.code
    sys.exit(code if isinstance(code, int) else 0)
