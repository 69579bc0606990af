"""Where a run's artifacts are, and how its workers get there: as variables of their environment. Pure."""

from thinksafe.errors import SettingsError
from thinksafe.spec import RunSpec, Storage
from thinksafe_operator.settings import NAMESPACE, Settings


def storage_of(spec: RunSpec, settings: Settings, namespace: str) -> Storage:
    """The run's own storage, or the operator's place for its namespace. Raises SettingsError if there is neither.

    Only what the operator says is filled in: what a run says is a place as it stands there.
    """
    if spec.storage is not None:
        return spec.storage
    if settings.storage is None:
        raise SettingsError(
            "spec.storage is not set, and the operator has no default storage",
            reason="InvalidSpec",
            hint="Set spec.storage.uri",
        )
    return settings.storage.model_copy(update={"uri": settings.storage.uri.replace(NAMESPACE, namespace)})


def variables(storage: Storage) -> list[dict]:
    """The S3 client's own variables. Without a secret it finds credentials by itself (IRSA, Pod Identity, ...).

    The secret is named, never read: kubelet fills the values in, and a missing one keeps the pod from starting.
    """
    plain = {"AWS_ENDPOINT_URL_S3": storage.endpoint, "AWS_REGION": storage.region}
    env: list[dict] = [{"name": name, "value": literal(value)} for name, value in plain.items() if value]
    if storage.credentials_secret:
        env += [
            _from_secret(storage.credentials_secret, "AWS_ACCESS_KEY_ID"),
            _from_secret(storage.credentials_secret, "AWS_SECRET_ACCESS_KEY"),
            _from_secret(storage.credentials_secret, "AWS_SESSION_TOKEN", optional=True),
        ]
    return env


def literal(text: str) -> str:
    """Text that kubelet leaves as it is: in args and in env it would replace $(NAME)."""
    return text.replace("$", "$$")


def _from_secret(secret: str, key: str, *, optional: bool = False) -> dict:
    reference = {"name": secret, "key": key} | ({"optional": True} if optional else {})
    return {"name": key, "valueFrom": {"secretKeyRef": reference}}
