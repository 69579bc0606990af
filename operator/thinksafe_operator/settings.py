"""What an administrator sets for the whole operator, read once from its environment. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from thinksafe.errors import SettingsError
from thinksafe.spec import Storage

NAMESPACE = "{namespace}"  # in the storage's URI: the run's namespace stands there instead
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@dataclass(frozen=True)
class Settings:
    """`storage` is for runs without spec.storage, whole: a run's own storage takes no part of it. With NAMESPACE in
    its URI each namespace has a place of its own.

    Without `worker_fixed_user` the workers' pods say no user and no group, and the cluster chooses them.
    `namespaces` empty means the whole cluster. None elsewhere means that Kubernetes decides.
    """

    worker_image: str
    worker_image_pull_policy: str | None = None
    worker_service_account: str | None = None
    worker_fixed_user: bool = True
    storage: Storage | None = None
    namespaces: tuple[str, ...] = ()


def from_env(env: Mapping[str, str]) -> Settings:
    """The settings in `env` (docs/kubernetes.md lists the variables); empty is the same as unset.

    Raises SettingsError, in one line that names the variable.
    """
    image = _get(env, "THINKSAFE_WORKER_IMAGE")
    if image is None:
        raise SettingsError("THINKSAFE_WORKER_IMAGE is not set: it names the image that runs the stages")
    if re.search(r"\s", image):
        raise SettingsError(f"THINKSAFE_WORKER_IMAGE: {image!r} is not an image's name")
    policy = _get(env, "THINKSAFE_WORKER_IMAGE_PULL_POLICY")
    if policy is not None and policy not in PULL_POLICIES:
        raise SettingsError(f"THINKSAFE_WORKER_IMAGE_PULL_POLICY: {policy!r} is none of {', '.join(PULL_POLICIES)}")
    return Settings(
        worker_image=image,
        worker_image_pull_policy=policy,
        worker_service_account=_named(env, "THINKSAFE_WORKER_SERVICE_ACCOUNT"),
        worker_fixed_user=_flag(env, "THINKSAFE_WORKER_FIXED_USER", default=True),
        storage=_storage(env),
        namespaces=_namespaces(env),
    )


def _get(env: Mapping[str, str], variable: str) -> str | None:
    return env.get(variable, "").strip() or None


def _flag(env: Mapping[str, str], variable: str, *, default: bool) -> bool:
    said = _get(env, variable)
    if said not in (None, "true", "false"):
        raise SettingsError(f"{variable}: {said!r} is neither true nor false")
    return default if said is None else said == "true"


def _named(env: Mapping[str, str], variable: str) -> str | None:
    """The name of a Kubernetes object."""
    name = _get(env, variable)
    if name is not None and not _SUBDOMAIN.fullmatch(name):
        raise SettingsError(f"{variable}: {name!r} cannot be the name of a Kubernetes object")
    return name


def _storage(env: Mapping[str, str]) -> Storage | None:
    uri = _get(env, "THINKSAFE_STORAGE_URI")
    endpoint = _get(env, "THINKSAFE_STORAGE_ENDPOINT")
    region = _get(env, "THINKSAFE_STORAGE_REGION")
    secret = _named(env, "THINKSAFE_STORAGE_SECRET")
    if uri is None:
        if endpoint or region or secret:
            raise SettingsError("THINKSAFE_STORAGE_URI is not set, but another THINKSAFE_STORAGE_ variable is")
        return None
    if not re.fullmatch(r"s3://[^/\s]+(/\S*)?|file:///\S+", uri):
        raise SettingsError(f"THINKSAFE_STORAGE_URI: {uri!r} is neither s3://bucket/prefix nor file:///folder")
    if re.search(r"[{}]", uri.replace(NAMESPACE, "")):
        raise SettingsError(f"THINKSAFE_STORAGE_URI: {uri!r} has other braces than {NAMESPACE}")
    if endpoint is not None and not re.fullmatch(r"https?://[^/\s]+\S*", endpoint):
        raise SettingsError(f"THINKSAFE_STORAGE_ENDPOINT: {endpoint!r} is not an http:// or https:// address")
    return Storage(uri=uri, endpoint=endpoint, region=region, credentials_secret=secret)


def _namespaces(env: Mapping[str, str]) -> tuple[str, ...]:
    names = [n.strip() for n in env.get("THINKSAFE_NAMESPACES", "").split(",") if n.strip()]
    for name in names:
        if not _LABEL.fullmatch(name):
            raise SettingsError(f"THINKSAFE_NAMESPACES: {name!r} cannot be the name of a namespace")
    return tuple(dict.fromkeys(names))
