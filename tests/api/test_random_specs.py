"""Random specs go through the API server: valid ones come back whole, wrong ones are refused with the field's name."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings

from api import objects
from api.runs import SMALLEST, Refused, Runs, manifest
from thinksafe.errors import SettingsError
from thinksafe.manifest import parse
from thinksafe.spec import RunSpec

# Not shrunk: each try costs a request, and the example itself says what is wrong.
SLOWLY = settings(
    max_examples=100, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)  # fmt: skip


def lost(sent: Any, kept: Any, path: str = "spec") -> list[str]:
    """The paths of what was sent and is not there any more, or is another value."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        return [p for k, v in sent.items() for p in lost(v, kept.get(k, "absent"), f"{path}.{k}")]
    if isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        return [p for i, (a, b) in enumerate(zip(sent, kept, strict=True)) for p in lost(a, b, f"{path}[{i}]")]
    return [] if (type(sent) is type(kept) and sent == kept) or _numbers_equal(sent, kept) else [path]


def _numbers_equal(a: Any, b: Any) -> bool:
    numbers = (int, float)
    return isinstance(a, numbers) and isinstance(b, numbers) and not isinstance(a, bool) and a == b


@SLOWLY
@given(spec=objects.valid(objects.SPEC))
def test_a_valid_spec_comes_back_unpruned_and_unchanged_but_for_defaults(runs: Runs, spec: dict):
    kept = runs.try_create(manifest("random", spec))["spec"]
    assert lost(spec, kept) == []
    assert RunSpec.model_validate(kept) == RunSpec.model_validate(spec)
    assert runs.try_create(manifest("random", kept))["spec"] == kept


@SLOWLY
@given(fault=objects.faults())
def test_a_wrong_spec_is_refused_with_the_fields_name_by_both(runs: Runs, fault: objects.Fault):
    note(f"{fault.field}: {fault.what}")
    document = manifest("random", fault.spec)
    with pytest.raises(Refused) as cluster:
        runs.try_create(document)
    assert cluster.value.code in (400, 422)
    assert fault.field in str(cluster.value)
    with pytest.raises(SettingsError) as machine:
        parse(document, where="manifest")
    assert fault.field in str(machine.value)


def test_the_api_servers_defaults_are_the_commands(runs: Runs):
    kept = runs.try_create(manifest("smallest", SMALLEST))["spec"]
    assert kept == RunSpec.model_validate(SMALLEST).model_dump(mode="json", by_alias=True, exclude_none=True)


def test_a_null_means_the_default(runs: Runs):
    kept = runs.try_create(manifest("nulls", {**SMALLEST, "dedup": {"near": None}, "training": None}))["spec"]
    assert kept["dedup"]["near"] == 0.8
    assert kept["training"]["rank"] == 32
