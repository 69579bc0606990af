"""`thinksafe validate` accepts and refuses the shared manifests as the API server does (api/test_manifests.py)."""

from pathlib import Path

import manifests
import pytest

from thinksafe import checks, manifest
from thinksafe.errors import SettingsError


@pytest.mark.parametrize("path", manifests.GOOD, ids=lambda p: p.stem)
def test_a_good_manifest_is_accepted(path: Path):
    checks.static(manifest.read(path).spec)


@pytest.mark.parametrize("bad", manifests.bad(but="only the API server"), ids=lambda b: b.id)
def test_a_bad_manifest_is_refused_and_its_field_named(bad: manifests.Bad):
    with pytest.raises(SettingsError) as caught:
        checks.static(manifest.read(bad.path).spec)
    assert bad.field in caught.value.line()
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("path", manifests.GOOD_EXPERIMENTS, ids=lambda p: p.stem)
def test_a_good_experiment_is_accepted(path: Path):
    manifest.read_experiment(path)


@pytest.mark.parametrize("bad", manifests.bad(but="only the API server", of="experiments/bad"), ids=lambda b: b.id)
def test_a_bad_experiment_is_refused_and_its_field_named(bad: manifests.Bad):
    with pytest.raises(SettingsError) as caught:
        manifest.read_experiment(bad.path)
    assert bad.field in caught.value.line()
    assert "\n" not in caught.value.line()
