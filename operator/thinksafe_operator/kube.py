"""A thin client of the Kubernetes API: raw JSON in and out.

Raw objects, because typed models cost a parse and 10 kB each, and the operator needs a dozen fields of them. One
`ApiError` (refusal.py) for everything that can go wrong, the network included.
"""

import json
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import aiohttp
from kubernetes.aio.client import Configuration

from thinksafe_operator import login, metrics
from thinksafe_operator.names import FIELD_MANAGER
from thinksafe_operator.refusal import ApiError, of_response, of_status, unreachable
from thinksafe_operator.resources import PODS, Resource

REQUEST_SECONDS = 30.0
SLACK_SECONDS = 5.0  # what a watch may last longer than agreed
PAGE = 500
_LONGEST_EVENT = 4 * 2**20  # bytes; an object in etcd is at most 1.5 MiB
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Kube:
    """One API server. Made by `connect`; used from one event loop."""

    def __init__(self, configuration: Configuration, tls: ssl.SSLContext | None, kubeconfig: str | None) -> None:
        self._configuration, self._kubeconfig = configuration, kubeconfig
        self._server = str(configuration.host).rstrip("/")
        # Watches have connections of their own: there may be many, and they must not take those of the requests.
        self._requests = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls or True, limit=64))
        self._watches = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls or True, limit=0), read_bufsize=2**16
        )

    @classmethod
    async def connect(cls, kubeconfig: str | None = None) -> Self:
        """With the pod's service account, or else with `kubeconfig`, $KUBECONFIG or ~/.kube/config."""
        configuration = await login.load(kubeconfig)
        return cls(configuration, login.tls(configuration), kubeconfig)

    async def close(self) -> None:
        await self._requests.close()
        await self._watches.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def credentials(self) -> Configuration:
        """Server and credentials, read afresh, for whoever else has to log in."""
        self._configuration = await login.load(self._kubeconfig)
        return self._configuration

    async def get(self, resource: Resource, namespace: str, name: str) -> dict:
        return await self._json("get", "GET", resource.path(namespace, name))

    async def pages(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        labels: str = "",
        fields: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[tuple[list[dict], str]]:
        """The objects that the selectors choose, page by page, each page with the list's resourceVersion."""
        token = ""
        headers = {"Accept": _METADATA_ONLY} if metadata_only else {}
        while True:
            query = {**_selectors(labels, fields), "limit": str(PAGE), **({"continue": token} if token else {})}
            page = await self._json("list", "GET", resource.path(namespace), params=query, headers=headers)
            yield page.get("items") or [], page["metadata"].get("resourceVersion", "")
            if not (token := page["metadata"].get("continue", "")):
                return

    async def list_all(
        self, resource: Resource, namespace: str | None, *, labels: str = "", fields: str = ""
    ) -> list[dict]:
        """All objects that the selectors choose."""
        pages = self.pages(resource, namespace, labels=labels, fields=fields)
        return [item async for items, _ in pages for item in items]

    async def create(self, resource: Resource, namespace: str, body: dict) -> dict:
        """Strict: a field that does not exist is refused, not dropped. A podTemplate can hold one."""
        params = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        return await self._json("create", "POST", resource.path(namespace), params=params, body=body)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, propagation: str) -> bool:
        """Ask for the deletion of exactly this object. False if it is gone or another one has its name now."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}
        body["propagationPolicy"] = propagation
        try:
            await self._json("delete", "DELETE", resource.path(namespace, name), body=body)
        except ApiError as error:
            if error.status in (404, 409):
                return False
            raise
        return True

    async def apply_status(self, resource: Resource, raw: dict, status: dict) -> dict:
        """Server-side apply of the status of the object that was read as `raw`: a 409 if it has changed since."""
        meta = raw["metadata"]
        kept = {k: meta[k] for k in ("name", "namespace", "uid", "resourceVersion")}
        body = {"apiVersion": raw["apiVersion"], "kind": raw["kind"], "metadata": kept, "status": status}
        return await self._json(
            "apply",
            "PATCH",
            resource.path(meta["namespace"], meta["name"], "status"),
            params={"fieldManager": FIELD_MANAGER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            body=body,
        )

    async def merge(self, resource: Resource, namespace: str, name: str, patch: dict) -> dict:
        """A JSON merge patch of the object; with a uid in its metadata, of exactly this object."""
        headers = {"Content-Type": "application/merge-patch+json"}
        params = {"fieldManager": FIELD_MANAGER}
        path = resource.path(namespace, name)
        return await self._json("patch", "PATCH", path, params=params, headers=headers, body=patch)

    async def log(self, namespace: str, pod: str, *, container: str, lines: int, limit_bytes: int) -> str:
        """The last lines of a container's log."""
        params = {"container": container, "tailLines": str(lines), "limitBytes": str(limit_bytes)}
        path = PODS.path(namespace, pod, "log")
        return (await self._request("log", "GET", path, params=params)).decode("utf-8", "replace")

    async def version_of(self, group: str) -> str | None:
        """The version of an API group that the server prefers; None if it has no such group."""
        try:
            return (await self._json("get", "GET", f"/apis/{group}"))["preferredVersion"]["version"]
        except ApiError as error:
            if error.status in (403, 404):
                return None
            raise

    async def watch(
        self,
        resource: Resource,
        namespace: str | None,
        *,
        since: str,
        seconds: float,
        labels: str = "",
        fields: str = "",
    ) -> AsyncIterator[dict]:
        """Events after resourceVersion `since`, bookmarks included, for about `seconds`; then the stream ends.

        Raises `ApiError`: 410 if `since` is too old, 0 if the server fell silent.
        """
        query = {**_selectors(labels, fields), "watch": "true", "allowWatchBookmarks": "true"}
        query["resourceVersion"] = since
        query["timeoutSeconds"] = str(max(1, int(seconds)))
        # A stream whose other side vanished without a word looks like one on which nothing happens: the read must end.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=seconds + SLACK_SECONDS)
        try:
            headers = await self._headers({})
            url = self._server + resource.path(namespace)
            async with self._watches.get(url, params=query, headers=headers, timeout=timeout) as response:
                metrics.API_CALLS.labels("watch", str(response.status)).inc()
                if response.status != 200:
                    raise of_response(response, await response.read())
                async for line in _lines(response.content):
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise of_status(event["object"])
                    yield event
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error

    async def _json(self, verb: str, method: str, path: str, **kwargs: Any) -> dict:
        return json.loads(await self._request(verb, method, path, **kwargs))

    async def _request(
        self,
        verb: str,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: dict | None = None,
    ) -> bytes:
        code = "none"
        try:
            for again in (True, False):
                async with self._requests.request(
                    method,
                    self._server + path,
                    params=params,
                    headers=await self._headers(headers or {}),
                    data=None if body is None else _encoded(body),
                    timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS, sock_connect=10),
                ) as response:
                    code = str(response.status)
                    data = await response.read()
                    if response.status == 401 and again:  # a token can be rotated before its time
                        await self.credentials()
                        continue
                    if response.status >= 400:
                        raise of_response(response, data)
                    return data
            raise AssertionError("unreachable")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(error) from error
        finally:
            metrics.API_CALLS.labels(verb, code).inc()

    async def _headers(self, extra: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": FIELD_MANAGER}
        token = await self._configuration.get_api_key_with_prefix("BearerToken", "authorization")
        if token:
            headers["Authorization"] = token
        return {**headers, **extra}


def _encoded(body: dict) -> bytes:
    """JSON that is YAML as well: server-side apply is read as YAML, which knows no escapes of surrogate pairs (so an
    emoji in a message must be itself) and no bare control characters (so those must be escaped)."""
    text = json.dumps(body, ensure_ascii=False)
    return _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode("utf-8", "replace")


def _selectors(labels: str, fields: str) -> dict[str, str]:
    return {**({"labelSelector": labels} if labels else {}), **({"fieldSelector": fields} if fields else {})}


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    # aiohttp's own readline refuses lines longer than its buffer, and a pod can be longer.
    pending = bytearray()
    async for piece in stream.iter_any():
        pending += piece
        if len(pending) > _LONGEST_EVENT:
            raise ApiError(0, "Unreadable", "a watch event is longer than any object may be")
        if b"\n" in piece:
            *lines, rest = bytes(pending).split(b"\n")
            pending = bytearray(rest)
            for line in lines:
                if line.strip():
                    yield line
