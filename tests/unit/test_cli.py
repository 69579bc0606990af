"""What the command says of itself."""

import pytest
from typer.testing import CliRunner

from thinksafe import __version__
from thinksafe.cli import app


@pytest.mark.parametrize("call", ["version", "--version"])
def test_it_tells_its_version_either_way_that_people_ask(call):
    told = CliRunner().invoke(app, [call])
    assert (told.exit_code, told.stdout.strip()) == (0, __version__)


def test_its_help_says_what_it_is_for_and_names_every_command():
    told = CliRunner().invoke(app, ["--help"])
    assert "Repair the safety of a reasoning model" in told.stdout
    assert all(f"\n  {name} " in told.stdout for name in ("run", "experiment", "validate", "plan", "verify", "worker"))
