"""What the shell offers next."""

import pytest
from unit.plugin import samples
from unit.plugin.cluster import Cluster

from thinksafe.plugin import complete
from thinksafe.plugin.main import app


@pytest.fixture(autouse=True)
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster(samples.failed(), samples.succeeded("other"))
    names = "\n".join(f"thinksaferun.thinksafe.dev/{name}" for name in made.there)
    monkeypatch.setattr(made, "text", lambda *arguments: names)
    monkeypatch.setattr(complete, "Kubectl", lambda flags: made)
    return made


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ([""], list(complete.VERBS)),
        (["-n", "lab", ""], list(complete.VERBS)),
        (["status", ""], ["qwen3-8b", "other"]),
        (["compare", "other", "q"], ["qwen3-8b"]),
        (["retry", "other", ""], []),
        (["logs", "-f", "qwen3-8b", ""], ["prepare", "train"]),
        (["version", ""], []),
    ],
)
def test_verbs_then_runs_then_stages_that_have_a_log(line: list[str], offered: list[str]) -> None:
    assert complete.completions(line) == offered


def test_every_verb_is_offered() -> None:
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    assert known == set(complete.VERBS)


def test_what_fails_offers_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["x", "logs", "no-such-run", ""])
    complete.main()
    assert capsys.readouterr().out == ":4\n"
