"""How the user's kubectl is called, and what becomes of what it says. The program here is a script that plays it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from unit.plugin import samples

from thinksafe.errors import AccessError, SettingsError, ThinkSafeError
from thinksafe.plugin.kubectl import Kubectl, documents, name_of
from thinksafe.plugin.trouble import NotFound


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a kubectl on the PATH that runs this shell script; its arguments are in `arguments`, one a line."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def write(script: str) -> Path:
        program = tmp_path / "kubectl"
        program.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n{script}\n')
        program.chmod(0o755)
        return tmp_path

    return write


def test_a_run_is_asked_for_with_the_users_flags(play) -> None:
    folder = play(f"cat <<'END'\n{json.dumps(samples.running())}\nEND")
    assert Kubectl(["--context=prod"]).run("tsr/qwen3-8b") == samples.running()
    called = (folder / "arguments").read_text().split()
    assert called == ["--context=prod", "get", "thinksaferuns.thinksafe.dev", "qwen3-8b", "-o", "json"]


def test_a_failure_is_explained_and_not_printed_twice(play, capfd: pytest.CaptureFixture[str]) -> None:
    play('echo \'Error from server (NotFound): thinksaferuns.thinksafe.dev "x" not found\' >&2; exit 1')
    with pytest.raises(NotFound, match='"x" not found'):
        Kubectl().run("x")
    assert capfd.readouterr().err == ""


def test_what_a_log_in_asks_is_shown_at_once(play, capfd: pytest.CaptureFixture[str]) -> None:
    said = ("W1124 16:03:11.1 1 x.go:2] slow", "To sign in, open https://login.example", "error: not in", "more")
    play("".join(f"echo '{line}' >&2\n" for line in said) + "exit 1")
    with pytest.raises(ThinkSafeError, match=r"^not in more$"):
        Kubectl().run("x")
    assert capfd.readouterr().err == "To sign in, open https://login.example\n"


def test_input_is_handed_over_whole(play) -> None:
    play("cat")
    assert Kubectl().text("create", "-f", "-", input="é" * 100_000) == "é" * 100_000


def test_its_output_is_its_own_where_it_speaks_itself(play) -> None:
    play("exit 3")
    assert Kubectl().through("logs") == 3


def test_without_kubectl_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="no kubectl on the PATH"):
        Kubectl()


def test_events_come_one_by_one_however_they_are_written(play) -> None:
    event = {"type": "ADDED", "object": samples.running()}
    pretty, plain = json.dumps(event, indent=4), json.dumps({**event, "type": "MODIFIED"})
    play(f"cat <<'END'\n{pretty}\n{plain}\n{pretty}\nEND")
    seen = [event for event in Kubectl().events("qwen3-8b", tick=60) if event]
    assert [kind for kind, _ in seen] == ["ADDED", "MODIFIED", "ADDED"] and seen[0][1] == samples.running()


def test_an_event_is_there_as_soon_as_it_is_whole() -> None:
    def lines():
        yield from ['{"a"', ': {}}{"b": "}', None, '"}']
        raise AssertionError("the next piece was asked for before the event was given")

    given = documents(lines())
    assert [next(given) for _ in range(3)] == [{"a": {}}, None, {"b": "}"}]


def test_a_watch_that_is_left_ends_its_kubectl(play) -> None:
    folder = play(f"echo $$ > $(dirname $0)/pid; echo '{json.dumps({'type': 'ADDED', 'object': {}})}'; exec sleep 60")
    events = Kubectl().events(tick=0.1)
    assert next(events) == ("ADDED", {}) and next(events) is None
    events.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((folder / "pid").read_text()), 0)


def test_a_watch_that_fails_says_why(play) -> None:
    play('echo "error: You must be logged in to the server (Unauthorized)" >&2; exit 1')
    with pytest.raises(AccessError):
        list(Kubectl().events(tick=60))


@pytest.mark.parametrize("written", ["x", "tsr/x", "thinksaferun.thinksafe.dev/x"])
def test_a_run_may_be_named_as_kubectl_prints_it(written: str) -> None:
    assert name_of(written) == "x"


def plugin(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = "from thinksafe.plugin.main import main; main()"
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_ends_in_one_line_and_a_code_that_tells_the_kind(play) -> None:
    play("echo 'error: the server doesn'\"'\"'t have a resource type \"thinksaferuns\"' >&2; exit 1")
    done = plugin("status", "x", "-n", "lab")
    assert done.returncode == 64 and done.stdout == ""
    assert done.stderr.startswith("thinksafe: the server") and done.stderr.count("\n") == 1
    assert "install the operator" in done.stderr
    assert plugin("status", "x", "--no-such-flag").returncode == 64
    assert plugin("status", "--namespace").returncode == 64
    assert "--all-namespaces" in plugin("status", "x", "-A").stderr


def test_a_terminal_without_our_marks_is_no_reason_to_fail(play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    play(f"cat <<'END'\n{json.dumps(samples.running())}\nEND")
    done = plugin("status", "qwen3-8b")
    assert done.returncode == 0 and "generate" in done.stdout and "37%" in done.stdout


@pytest.mark.parametrize("verb", [("status", "x"), ("status",), ("status", "x", "--watch"), ("compare", "x", "x")])
def test_no_run_can_write_to_the_terminal_of_who_looks_at_it(play, verb: tuple[str, ...]) -> None:
    run = samples.succeeded(results=[{**samples.RESULTS[0], "benchmark": "a\x1b]0;title\x07b"}])
    run["status"] |= {"message": "\x1b[2Jgone", "progress": "\x1b[31m", "stage": "\x9b2J", "report": "s3://\x1b[8m"}
    found = {"items": [run]} if verb == ("status",) else run
    play(f"cat <<'END'\n{json.dumps(found)}\nEND")
    done = plugin(*verb)
    assert done.returncode == 0 and "�" in done.stdout
    assert not set(done.stdout) & {"\x1b", "\x07", "\x9b"}


def test_watching_says_by_its_exit_code_how_the_run_ended(play) -> None:
    for run, watched, plain in ((samples.succeeded(), 0, 0), (samples.failed(), 1, 0)):
        play(f"cat <<'END'\n{json.dumps(run)}\nEND")
        assert plugin("status", "qwen3-8b", "--watch").returncode == watched
        assert plugin("status", "qwen3-8b").returncode == plain


def _watched(events: str) -> str:
    """A kubectl that shows a running run, and to who watches it these events and then no more."""
    now = json.dumps(samples.running())
    watch = f"cat <<'END'\n{events}\nEND\nexec sleep 30"
    return f"if [[ \"$*\" == *--watch* ]]; then\n{watch}\nfi\ncat <<'END'\n{now}\nEND"


def test_watching_into_a_pipe_gives_a_line_for_each_change(play) -> None:
    seen = (samples.running(), samples.running(), samples.succeeded())
    written = "\n".join(json.dumps({"type": "MODIFIED", "object": run}) for run in seen)
    play(_watched(written))
    done = plugin("status", "qwen3-8b", "--watch")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].endswith("Running  generate  37%  generate is running")
    assert "Succeeded" in lines[1] and lines[2].startswith("qwen3-8b  Succeeded")


def test_an_api_server_that_comes_back_is_watched_on(play, tmp_path: Path) -> None:
    event = json.dumps({"type": "ADDED", "object": samples.succeeded()})
    away = f"if [ ! -e {tmp_path}/tried ]; then : > {tmp_path}/tried; echo 'error: unexpected EOF' >&2; exit 1; fi\n"
    play(_watched(event).replace("then\n", f"then\n{away}", 1))
    done = plugin("status", "qwen3-8b", "--watch")
    assert done.returncode == 0 and (tmp_path / "tried").exists()


def test_a_run_that_is_deleted_while_it_is_watched(play) -> None:
    event = json.dumps({"type": "DELETED", "object": samples.running()})
    play(_watched(event))
    done = plugin("status", "qwen3-8b", "--watch")
    assert done.returncode == 65 and "was deleted" in done.stderr


def test_starting_it_loads_nothing_heavy() -> None:
    """It is called again and again by hand: a second of imports would be felt."""
    heavy = {"numpy", "scipy", "boto3", "pydantic", "matplotlib", "torch", "pyarrow"}
    code = f"import sys, thinksafe.plugin.main\nprint(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
