"""What is committed for and about GitOps tools is what today's code gives."""

import typing

import pytest
import yaml

from gitops.files import RECORDED, SETTINGS, as_yaml, settings
from gitops.stories import recorded
from thinksafe.status import RunStatus

STORIES = recorded()
AGAIN = "is not up to date: PYTHONPATH=tests python -m gitops"


@pytest.mark.parametrize("name", STORIES)
def test_a_recorded_run_is_what_the_operator_makes_of_it_today(name):
    file = RECORDED / f"{name}.yaml"
    assert file.exists() and file.read_text() == as_yaml(STORIES[name]), f"{file.name} {AGAIN}"


def test_nothing_else_is_recorded():
    assert {file.stem for file in RECORDED.iterdir()} == set(STORIES)


def test_every_phase_is_recorded():
    phases = typing.get_args(typing.get_args(RunStatus.model_fields["phase"].annotation)[0])
    assert len(phases) == 7 and {run["status"].get("phase") for run in STORIES.values()} == {None, *phases}


def test_the_settings_of_argo_cd_hold_the_lua_beside_them():
    assert SETTINGS.read_text() == settings(), f"{SETTINGS.name} {AGAIN}"
    yaml.safe_load(settings())
