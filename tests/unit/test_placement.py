"""A stage's settings: its own over the workers', the counts filled in."""

from thinksafe.placement import settings_for
from thinksafe.spec import RunSpec

SMALLEST = {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]}


def settings(workers, own, stage="generate"):
    spec = RunSpec.model_validate({**SMALLEST, "workers": workers, "stages": {stage.partition("-")[0]: own}})
    return settings_for(spec, stage).model_dump(by_alias=True, exclude_none=True)


def test_without_a_word_the_counts_are_filled_in():
    assert settings({}, {}) == {"replicas": 1, "retries": 2, "podRetries": 3, "stallTimeoutSeconds": 1800}


def test_a_stages_own_value_wins_even_if_it_is_zero():
    assert settings({"retries": 5, "image": "a"}, {"retries": 0})["retries"] == 0
    assert settings({"retries": 5, "image": "a"}, {"retries": 0})["image"] == "a"


def test_a_rung_has_the_settings_of_its_stage():
    assert settings({}, {"replicas": 7}, stage="generate-2")["replicas"] == 7


def test_maps_are_merged():
    workers = {"nodeSelector": {"a": "1", "b": "1"}, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
    own = {"nodeSelector": {"b": "2"}, "resources": {"limits": {"cpu": 2}, "requests": {"cpu": 1}}}
    merged = settings(workers, own)
    assert merged["nodeSelector"] == {"a": "1", "b": "2"}
    assert merged["resources"] == {"limits": {"cpu": "2", "memory": "1Gi"}, "requests": {"cpu": "1"}}


def test_lists_are_joined_and_of_one_name_the_stages_stays():
    workers = {
        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
        "tolerations": [{"operator": "Exists"}],
        "volumeMounts": [{"name": "x", "mountPath": "/x"}, {"name": "y", "mountPath": "/y"}],
    }
    own = {
        "env": [{"name": "A", "value": "2"}],
        "tolerations": [{"operator": "Exists"}],
        "volumeMounts": [{"name": "z", "mountPath": "/x"}],
    }
    merged = settings(workers, own)
    assert merged["env"] == [{"name": "B", "value": "1"}, {"name": "A", "value": "2"}]
    assert len(merged["tolerations"]) == 2
    assert merged["volumeMounts"] == [{"name": "y", "mountPath": "/y"}, {"name": "z", "mountPath": "/x"}]
