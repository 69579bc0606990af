"""The `thinksafe` command. It only reads arguments and shows results; the work is elsewhere."""

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import quote

import typer
from rich.console import Console
from rich.table import Table

from thinksafe import __version__
from thinksafe.errors import Interrupted, ThinkSafeError, UsageError
from thinksafe.spec import Manifest, Storage
from thinksafe.spec.experiment import ExperimentManifest

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip
out = Console(highlight=False)

ManifestFile = Annotated[Path, typer.Argument(help="A ThinkSafeRun manifest (YAML).")]
ExperimentFile = Annotated[Path, typer.Argument(help="A ThinkSafeExperiment manifest (YAML).")]
EitherFile = Annotated[Path, typer.Argument(help="A ThinkSafeRun or ThinkSafeExperiment manifest (YAML).")]
StoreUri = Annotated[
    str | None,
    typer.Option("--store", help="Where everything is kept: a folder, file://… or s3://…; else spec.storage."),
]
DEFAULT_STORE = "thinksafe-store"
TYPER_USAGE = 2  # typer's exit code for a wrong call; ours is the one of sysexits


def storage_of(manifest: Manifest | ExperimentManifest, store: str | None) -> Storage:
    """The storage the command line asks for, else the manifest's, else a folder beside the caller."""
    spec = manifest.spec.run if isinstance(manifest, ExperimentManifest) else manifest.spec
    if store is None and spec.storage:
        return spec.storage
    uri = store or DEFAULT_STORE
    if "://" not in uri:
        uri = f"file://{Path(uri).resolve()}"
    if spec.storage and uri.startswith("s3://"):
        return spec.storage.model_copy(update={"uri": uri})
    return Storage(uri=uri, endpoint=os.environ.get("AWS_ENDPOINT_URL_S3"))


def _tell_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def common(
    asked: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_tell_version)
    ] = False,
) -> None:
    """Repair the safety of a reasoning model with its own refusals."""


@app.command()
def run(file: ManifestFile, store: StoreUri = None) -> None:
    """Run a manifest on this machine; what the store already holds is not computed again."""
    from thinksafe import local, manifest
    from thinksafe.analysis import table
    from thinksafe.artifacts.store import open_store
    from thinksafe.stages.nursery import Nursery

    document = manifest.read(file)
    storage = storage_of(document, store)
    try:
        with Nursery() as nursery:
            finished = local.execute(document, file, local.Machine(open_store(storage), storage, nursery, out))
    except KeyboardInterrupt:
        raise Interrupted("stopped. What is committed stays; the same command goes on from there") from None
    summary = finished.summary()
    out.print()
    table.show(summary, out)
    place = f"{storage.uri.rstrip('/')}/{finished.run.prefix}/index.html"
    out.print(f"\nReport: {place.removeprefix('file://')}", soft_wrap=True)
    out.print(f"[dim]{finished.seconds:.0f} s in all[/]")


@app.command()
def experiment(file: ExperimentFile, store: StoreUri = None) -> None:
    """Run an experiment's variants on this machine, one after another, and compare them.

    What they have in common is computed once. spec.parallelism is for a cluster.
    """
    from thinksafe import experiment, local, manifest
    from thinksafe.analysis.experiment import terminal
    from thinksafe.artifacts.store import open_store
    from thinksafe.stages.nursery import Nursery

    document = manifest.read_experiment(file)
    storage = storage_of(document, store)
    try:
        with Nursery() as nursery:
            course = experiment.execute(document, local.Machine(open_store(storage), storage, nursery, out))
    except KeyboardInterrupt:
        raise Interrupted("stopped. What is committed stays; the same command goes on from there") from None
    out.print()
    terminal.show(course.document, out)
    out.print(f"\nReport: {course.page.removeprefix('file://')}", soft_wrap=True)
    out.print(f"[dim]{course.seconds:.0f} s in all[/]")
    if course.failures:
        raise typer.Exit(course.failures[0].code)


@app.command()
def validate(file: EitherFile) -> None:
    """Find what is wrong with a manifest without a model: fields, files, benchmarks, columns; of every variant."""
    from thinksafe import checks, manifest

    document = manifest.read_either(file)
    if isinstance(document, ExperimentManifest):
        checks.check_experiment(document)
    else:
        checks.check(document.spec)
    out.print(f"{file}: {document.metadata.name} is a valid {document.kind}")


@app.command()
def plan(file: EitherFile, store: StoreUri = None) -> None:
    """Show every artifact of a run with its digest, and which of them the store already holds.

    Of an experiment: how many stages each variant has, and how many of them no earlier variant has.
    """
    from thinksafe import manifest, plan
    from thinksafe.artifacts.artifact import Artifact
    from thinksafe.artifacts.store import open_store
    from thinksafe.stages.prepare import fingerprints

    document = manifest.read_either(file)
    held = open_store(storage_of(document, store))
    if isinstance(document, ExperimentManifest):
        from thinksafe import experiment_plan

        return out.print(experiment_plan.table(document, held))
    rows = Table("stage", "artifact", "digest", "in the store", box=None)
    for node in plan.make(document.spec, fingerprints(document.spec, held), name=document.metadata.name).nodes:
        complete = Artifact(held, node.kind, node.digest).is_complete()
        rows.add_row(node.stage, node.name, node.digest[:16], "yes" if complete else "no")
    return out.print(rows)


@app.command()
def verify(
    uri: Annotated[str, typer.Argument(help="A released adapter: s3://…, file://… or a folder (status.adapter).")],
    base_model: Annotated[str | None, typer.Option(help="The base model it must be an adapter of.")] = None,
    revision: Annotated[str | None, typer.Option(help="The commit or revision of the base model.")] = None,
    sha256: Annotated[str | None, typer.Option(help="The sha256 that its statement.json must have.")] = None,
) -> None:
    """Check a released adapter: every file as its statement says, weights as safetensors, the gate passed."""
    from thinksafe.artifacts.store import open_store
    from thinksafe.attestation import show
    from thinksafe.attestation import verify as attestation
    from thinksafe.attestation.place import Place

    place = Place(open_store(Storage(uri=uri if "://" in uri else f"file://{quote(str(Path(uri).resolve()))}")))
    found = attestation.verify(place, attestation.Expected(sha256, base_model, revision))
    show.show(found, out)


@app.command()
def benchmarks() -> None:
    """List the benchmarks by name."""
    from thinksafe import benchmarks as known

    rows = Table("name", "kind", "rows", "source", "licence", box=None)
    for name in known.names():
        b = known.get(name)
        rows.add_row(b.name, b.kind, str(b.rows or "?"), b.source, b.licence)
    out.print(rows)


@app.command()
def worker(
    stage: Annotated[str, typer.Argument(help="prepare, generate, filter, generate-2, …, report; or compare.")],
    file: EitherFile,
    uid: Annotated[str, typer.Option(help="The run's uid, or the experiment's.")],
    store: StoreUri = None,
    runs: Annotated[Path | None, typer.Option(help="compare only: a JSON of the runs by variant.")] = None,
    index: Annotated[int, typer.Option(envvar="JOB_COMPLETION_INDEX", help="This worker's number, from 0.")] = 0,
    count: Annotated[int, typer.Option(envvar="THINKSAFE_WORKERS", help="Workers of the stage.")] = 1,
) -> None:
    """Do one stage's work, as a cluster's Job does. The last line printed is a JSON of how it ended."""
    from thinksafe import manifest
    from thinksafe.stages import supervise, words
    from thinksafe.stages.assignment import Assignment

    if stage == "compare":
        raise typer.Exit(_compare(file, uid, store, runs))
    try:
        storage = storage_of(manifest.read(file), store)
    except ThinkSafeError as error:
        raise typer.Exit(words.leave({**words.of_error(error), "stage": stage})) from None
    raise typer.Exit(supervise.work(Assignment(file, storage, stage, uid, index, count)))


def _compare(file: Path, uid: str, store: str | None, runs: Path | None) -> int:
    """The stage that an experiment has beside those of its runs; returns the exit code."""
    from thinksafe import manifest
    from thinksafe.artifacts.store import open_store
    from thinksafe.stages import comparison, supervise, words

    with supervise.listening():  # it is over in seconds: asked to stop, it ends its work
        try:
            if runs is None:
                raise UsageError("worker compare: --runs is needed")
            document = manifest.read_experiment(file)
            storage = storage_of(document, store)
            told = comparison.work(document, uid, runs, open_store(storage), storage.uri)
        except Exception as error:
            if not isinstance(error, ThinkSafeError):
                traceback.print_tb(error.__traceback__)  # where, not what: a message may quote a row
            told = {**words.of_error(error), "stage": comparison.STAGE}
        return words.leave(told)


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def main() -> None:
    """Run the command; a user's mistake ends in one line and its exit code, never in a traceback."""
    code: object = 0
    try:
        app()
    except ThinkSafeError as error:
        Console(stderr=True, highlight=False).print(f"thinksafe: {error.line()}", markup=False, soft_wrap=True)
        code = error.code
    except SystemExit as ended:
        code = UsageError.code if ended.code == TYPER_USAGE else ended.code
    _leave(code if isinstance(code, int) else 0)


def _leave(code: int) -> NoReturn:
    """End with exactly this code. It is a contract, and a native library's threads can abort an orderly exit
    ("terminate called without an active exception") when all work is done and everything is committed.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
