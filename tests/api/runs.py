"""ThinkSafeRuns and ThinkSafeExperiments at a real API server, for the tests of this folder."""

import asyncio
import json
from pathlib import Path
from typing import Any

from kubernetes import client, config

from thinksafe.crd.definition import GROUP, VERSION
from thinksafe.crd.kinds import EXPERIMENT, RUN, Kind
from thinksafe_operator.kube import Kube
from thinksafe_operator.passes import as_stored
from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import Resource

SMALLEST = {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]}


class Refused(Exception):
    """The API server said no: its code and its message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Runs:
    """The runs of one namespace. Unknown fields are errors, as they are for kubectl."""

    kind: Kind = RUN

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace
        api = config.new_client_from_config(str(kubeconfig))
        api.configuration.proxy = None
        api.configuration.no_proxy = "*"
        self._api = client.ApiClient(api.configuration)
        self._objects = client.CustomObjectsApi(self._api)

    def try_create(self, manifest: dict) -> dict:
        """What the API server would store."""
        return self._create(manifest, dry_run="All")

    def create(self, manifest: dict) -> dict:
        return self._create(manifest)

    def replace(self, manifest: dict) -> dict:
        return self._do("replace_namespaced_custom_object", manifest["metadata"]["name"], manifest)

    def merge(self, name: str, patch: dict) -> dict:
        """A JSON merge patch, as `kubectl patch --type merge` sends it."""
        return self._do("patch_namespaced_custom_object", name, patch, _content_type="application/merge-patch+json")

    def apply_status(self, name: str, status: dict) -> dict:
        """The operator's own way of writing a status."""
        return asyncio.run(self._apply_status(self.get(name), status))

    def replace_status(self, manifest: dict) -> dict:
        return self._do("replace_namespaced_custom_object_status", manifest["metadata"]["name"], manifest)

    def get(self, name: str) -> dict:
        return self._do("get_namespaced_custom_object", name)

    def delete(self, name: str) -> None:
        self._do("delete_namespaced_custom_object", name)

    def _create(self, manifest: dict, **options: str) -> dict:
        body = {**manifest, "metadata": {**manifest["metadata"], "namespace": self.namespace}}
        return self._do("create_namespaced_custom_object", None, body, field_validation="Strict", **options)

    async def _apply_status(self, stored: dict, status: dict) -> dict:
        async with await Kube.connect(str(self.kubeconfig)) as kube:
            try:
                return await kube.apply_status(Resource(GROUP, VERSION, self.kind.plural), stored, as_stored(status))
            except ApiError as error:
                raise Refused(error.status, error.message) from None

    def _do(self, method: str, name: str | None, body: dict | None = None, **options: Any) -> Any:
        named = {"name": name} if name else {}
        sent = {"body": body} if body is not None else {}
        try:
            return getattr(self._objects, method)(
                group=GROUP, version=VERSION, namespace=self.namespace, plural=self.kind.plural,
                **named, **sent, **options,
            )  # fmt: skip
        except client.ApiException as error:
            answer = str(error.body)
            raise Refused(error.status, json.loads(answer)["message"] if answer.startswith("{") else answer) from None


class Experiments(Runs):
    """The experiments of one namespace."""

    kind = EXPERIMENT


def experiment(name: str, spec: dict) -> dict:
    """An experiment as a user sends it."""
    return {**manifest(name, spec), "kind": EXPERIMENT.name}


def manifest(name: str, spec: dict, **more: Any) -> dict:
    """A manifest as a user sends it."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}", "kind": "ThinkSafeRun", "metadata": {"name": name}, "spec": spec, **more,
    }  # fmt: skip
