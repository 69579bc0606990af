import pytest

from thinksafe.errors import SettingsError
from thinksafe_operator.settings import Settings, from_env

IMAGE = {"THINKSAFE_WORKER_IMAGE": "registry.example/worker:1"}


def test_only_the_image_is_needed():
    assert from_env(IMAGE) == Settings(worker_image="registry.example/worker:1")


def test_empty_is_unset():
    env = IMAGE | {v: " " for v in (
        "THINKSAFE_STORAGE_URI", "THINKSAFE_STORAGE_ENDPOINT", "THINKSAFE_STORAGE_REGION", "THINKSAFE_STORAGE_SECRET",
        "THINKSAFE_WORKER_SERVICE_ACCOUNT", "THINKSAFE_WORKER_IMAGE_PULL_POLICY", "THINKSAFE_NAMESPACES",
        "THINKSAFE_WORKER_FIXED_USER",
    )}  # fmt: skip
    assert from_env(env) == from_env(IMAGE)


def test_everything_set():
    settings = from_env({
        **IMAGE,
        "THINKSAFE_WORKER_IMAGE_PULL_POLICY": "Never",
        "THINKSAFE_WORKER_SERVICE_ACCOUNT": "worker",
        "THINKSAFE_WORKER_FIXED_USER": "false",
        "THINKSAFE_STORAGE_URI": "s3://bucket/thinksafe",
        "THINKSAFE_STORAGE_ENDPOINT": "http://s3.storage:7070",
        "THINKSAFE_STORAGE_REGION": "eu-central-1",
        "THINKSAFE_STORAGE_SECRET": "s3",
        "THINKSAFE_NAMESPACES": "a, b,a,",
    })  # fmt: skip
    assert settings.worker_image_pull_policy == "Never"
    assert settings.worker_service_account == "worker"
    assert settings.worker_fixed_user is False
    assert settings.namespaces == ("a", "b")
    assert settings.storage is not None
    assert settings.storage.model_dump(by_alias=True) == {
        "uri": "s3://bucket/thinksafe", "endpoint": "http://s3.storage:7070", "region": "eu-central-1",
        "credentialsSecret": "s3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({}, "THINKSAFE_WORKER_IMAGE"),
        ({"THINKSAFE_WORKER_IMAGE": ""}, "THINKSAFE_WORKER_IMAGE"),
        ({"THINKSAFE_WORKER_IMAGE": "two words"}, "THINKSAFE_WORKER_IMAGE"),
        (IMAGE | {"THINKSAFE_WORKER_IMAGE_PULL_POLICY": "always"}, "THINKSAFE_WORKER_IMAGE_PULL_POLICY"),
        (IMAGE | {"THINKSAFE_WORKER_SERVICE_ACCOUNT": "Not_A_Name"}, "THINKSAFE_WORKER_SERVICE_ACCOUNT"),
        (IMAGE | {"THINKSAFE_WORKER_FIXED_USER": "no"}, "THINKSAFE_WORKER_FIXED_USER"),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "bucket/prefix"}, "THINKSAFE_STORAGE_URI"),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "s3:///prefix"}, "THINKSAFE_STORAGE_URI"),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "file:///"}, "THINKSAFE_STORAGE_URI"),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "s3://b/{name}"}, "THINKSAFE_STORAGE_URI"),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "s3://b/{namespace"}, "THINKSAFE_STORAGE_URI"),
        (IMAGE | {"THINKSAFE_STORAGE_SECRET": "s3"}, "THINKSAFE_STORAGE_URI"),
        (
            IMAGE | {"THINKSAFE_STORAGE_URI": "s3://b", "THINKSAFE_STORAGE_ENDPOINT": "s3.storage:7070"},
            "THINKSAFE_STORAGE_ENDPOINT",
        ),
        (IMAGE | {"THINKSAFE_STORAGE_URI": "s3://b", "THINKSAFE_STORAGE_SECRET": "_"}, "THINKSAFE_STORAGE_SECRET"),
        (IMAGE | {"THINKSAFE_NAMESPACES": "a,B"}, "THINKSAFE_NAMESPACES"),
        (IMAGE | {"THINKSAFE_NAMESPACES": "a b"}, "THINKSAFE_NAMESPACES"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_variable(env, named):
    with pytest.raises(SettingsError) as error:
        from_env(env)
    assert named in error.value.line()
    assert "\n" not in error.value.line()
