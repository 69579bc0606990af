"""The API server accepts and refuses the shared manifests as `thinksafe validate` does (unit/test_manifests.py)."""

from pathlib import Path

import manifests
import pytest

from api.runs import Experiments, Refused, Runs
from thinksafe.manifest import read_document


@pytest.mark.parametrize("path", manifests.GOOD, ids=lambda p: p.stem)
def test_a_good_manifest_is_accepted(runs: Runs, path: Path):
    runs.try_create(read_document(path))


@pytest.mark.parametrize("bad", manifests.bad(but="only thinksafe validate"), ids=lambda b: b.id)
def test_a_bad_manifest_is_refused_and_its_field_named(runs: Runs, bad: manifests.Bad):
    with pytest.raises(Refused) as caught:
        runs.try_create(read_document(bad.path))
    assert caught.value.code in (400, 422)
    assert bad.field in str(caught.value)


@pytest.mark.parametrize("path", manifests.GOOD_EXPERIMENTS, ids=lambda p: p.stem)
def test_a_good_experiment_is_accepted(experiments: Experiments, path: Path):
    experiments.try_create(read_document(path))


@pytest.mark.parametrize("bad", manifests.bad(but="only thinksafe", of="experiments/bad"), ids=lambda b: b.id)
def test_a_bad_experiment_is_refused_and_its_field_named(experiments: Experiments, bad: manifests.Bad):
    with pytest.raises(Refused) as caught:
        experiments.try_create(read_document(bad.path))
    assert caught.value.code in (400, 422)
    assert bad.field in str(caught.value)
