"""The user's own kubectl, called as a program: its configuration, its log-in, its rights. No other file calls it."""

import codecs
import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import IO

from thinksafe.errors import SettingsError
from thinksafe.plugin.trouble import begins_failure, explained, is_log

RUNS = "thinksaferuns.thinksafe.dev"


class Kubectl:
    """kubectl with the flags of its own that the user gave us (`-n`, `--context`, ...)."""

    def __init__(self, flags: Sequence[str] = ()) -> None:
        found = shutil.which("kubectl")
        if found is None:
            raise SettingsError(
                "there is no kubectl on the PATH", reason="NoKubectl",
                hint="Install it (kubernetes.io/docs/tasks/tools) and see that `kubectl get namespaces` works",
            )  # fmt: skip
        self.flags = list(flags)
        self._program = [found, *flags]

    def run(self, name: str) -> dict:
        """A run by its name, or as `kubectl get -o name` prints it. NotFound if there is none."""
        return json.loads(self.text("get", RUNS, name_of(name), "-o", "json"))

    def runs(self, *, everywhere: bool) -> list[dict]:
        """The runs of the namespace, or of all."""
        more = ("--all-namespaces",) if everywhere else ()
        return json.loads(self.text("get", RUNS, "-o", "json", *more))["items"]

    def text(self, *arguments: str, input: str | None = None) -> str:
        """What kubectl prints. Raises what it fails of, explained."""
        with self._started(arguments, input is not None) as process:
            told = _Told(process)
            if input is not None:  # beside the reading: either pipe may fill before the other is looked at
                threading.Thread(target=_feed, args=(process.stdin, input), daemon=True).start()
            printed = process.stdout.read() if process.stdout else ""
            told.raise_for(process.wait())
        return printed

    def events(self, *arguments: str, tick: float) -> Generator[tuple[str, dict] | None]:
        """What happens to runs, as ADDED, MODIFIED or DELETED and the object; None if for `tick` seconds nothing does.

        It is over when the API server ends the watch, or at `close`.
        """
        process = self._started(("get", RUNS, *arguments, "-o", "json", "--watch", "--output-watch-events"), False)
        told = _Told(process)
        try:
            assert process.stdout
            for event in documents(_pieces(process.stdout.fileno(), tick)):
                yield None if event is None else (event["type"], event["object"])
            told.raise_for(process.wait())
        finally:
            process.terminate()
            process.wait()

    def through(self, *arguments: str) -> int:
        """Let kubectl speak to the user itself; its exit code."""
        process = subprocess.Popen([*self._program, *arguments])
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # kubectl has got it too, and ends by itself
                continue

    def _started(self, arguments: Sequence[str], fed: bool) -> subprocess.Popen[str]:
        # Without a pipe, standard input stays the user's: a log-in may ask for something.
        return subprocess.Popen(
            [*self._program, *arguments],
            stdin=subprocess.PIPE if fed else None, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, encoding="utf-8", errors="replace",
        )  # fmt: skip


def _feed(stdin: IO[str], text: str) -> None:
    with contextlib.suppress(BrokenPipeError), stdin:  # it ended without having read all; its exit code says why
        stdin.write(text)


class _Told:
    """What a kubectl says on its standard error: a failure is kept for an error of ours, all else is shown at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._lines = list[str]()
        self._listener = threading.Thread(target=self._listen, args=(process.stderr,), daemon=True)
        self._listener.start()

    def raise_for(self, code: int) -> None:
        self._listener.join(timeout=5)  # longer, and a program that kubectl has started holds the pipe
        if code:
            raise explained("".join(self._lines), code)

    def _listen(self, stderr) -> None:
        failed = False
        for line in stderr:
            self._lines.append(line)
            failed = failed or begins_failure(line)
            if not failed and not is_log(line):
                sys.stderr.write(line)
                sys.stderr.flush()


def name_of(reference: str) -> str:
    """The name out of NAME, tsr/NAME or thinksaferun.thinksafe.dev/NAME."""
    return reference.rpartition("/")[2]


def documents(pieces: Iterable[str | None]) -> Iterator[dict | None]:
    """JSON documents one after the other, each as soon as it is whole; None where a piece is None."""
    held, decoder = "", json.JSONDecoder()
    for piece in pieces:
        if piece is None:
            yield None
            continue
        held += piece
        while held := held.lstrip():
            try:
                document, end = decoder.raw_decode(held)
            except json.JSONDecodeError:
                break  # the rest is to come
            held = held[end:]
            yield document


def _pieces(pipe: int, tick: float) -> Iterator[str | None]:
    """What comes out of a pipe until it is closed; None whenever nothing has come for `tick` seconds."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while True:
        if not select.select([pipe], [], [], tick)[0]:
            yield None
        elif data := os.read(pipe, 1 << 16):
            yield decoder.decode(data)
        else:
            return
