"""An API server in a dict, for tests of its faults: the real one cannot be made to fail at a chosen write.

It keeps to what the operator relies on: unique names, uids, growing versions, preconditions.
"""

import asyncio
import copy
import itertools
from collections import Counter
from collections.abc import Callable

from unit.operator import raws

from thinksafe_operator.refusal import ApiError
from thinksafe_operator.resources import RUNS, Resource

WRITES = ("create", "apply", "patch", "delete")


class Crash(BaseException):
    """The operator's process ends here."""


class FakeApi:
    """`fault(verb, number)` is asked before each call, `fault_after` after it took effect; they may raise.

    `made` counts by name what was created; `calls` are (verb, plural or name).
    """

    def __init__(self) -> None:
        self._versions, self._uids = itertools.count(10), itertools.count(1)
        self.objects: dict[tuple[str, str, str], dict] = {}
        self.made: Counter[str] = Counter()
        self.calls: list[tuple[str, str]] = []
        self.logs: dict[str, str | ApiError] = {}
        self.fault: Callable[[str, int], None] = lambda verb, number: None
        self.fault_after: Callable[[str, int], None] = lambda verb, number: None
        self._writes = 0

    def put(self, plural: str, raw: dict) -> dict:
        """As if somebody else had written it."""
        raw["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[plural, raw["metadata"]["namespace"], raw["metadata"]["name"]] = raw
        return raw

    def names(self, plural: str) -> list[str]:
        return sorted(name for kind, _, name in self.objects if kind == plural)

    def run(self, name: str = "r") -> dict:
        return self.objects[RUNS.plural, "ns", name]

    async def get(self, resource: Resource, namespace: str, name: str) -> dict:
        return await self._call("get", resource.plural, lambda: self._find(resource, namespace, name))

    async def list_all(self, resource: Resource, namespace: str, *, labels: str = "", fields: str = "") -> list[dict]:
        def found() -> list[dict]:
            wanted = dict(part.split("=") for part in labels.split(",") if part)
            return [
                o
                for (kind, ns, _), o in self.objects.items()
                if (kind, ns) == (resource.plural, namespace)
                and wanted.items() <= (o["metadata"].get("labels") or {}).items()
            ]

        return await self._call("list", resource.plural, found)

    async def create(self, resource: Resource, namespace: str, body: dict) -> dict:
        def make() -> dict:
            name = body["metadata"]["name"]
            if (resource.plural, namespace, name) in self.objects:
                raise ApiError(409, "AlreadyExists", f"{name} already exists")
            made = copy.deepcopy(body)
            made["metadata"] |= {"uid": f"uid-{next(self._uids)}", "namespace": namespace}
            made["metadata"]["creationTimestamp"] = raws.BORN
            self.made[name] += 1
            return self.put(resource.plural, made)

        return await self._call("create", resource.plural, make)

    async def delete(self, resource: Resource, namespace: str, name: str, *, uid: str, propagation: str) -> bool:
        def remove() -> bool:
            there = self.objects.get((resource.plural, namespace, name))
            if there is None or there["metadata"]["uid"] != uid:
                return False
            del self.objects[resource.plural, namespace, name]
            return True

        return await self._call("delete", resource.plural, remove)

    async def apply_status(self, resource: Resource, raw: dict, status: dict) -> dict:
        def apply() -> dict:
            meta = raw["metadata"]
            there = self._find(resource, meta["namespace"], meta["name"])
            if there["metadata"]["resourceVersion"] != meta["resourceVersion"]:
                raise ApiError(409, "Conflict", "the object has been modified")
            there["status"] = copy.deepcopy(status)
            return self.put(resource.plural, there)

        return await self._call("apply", resource.plural, apply)

    async def merge(self, resource: Resource, namespace: str, name: str, patch: dict) -> dict:
        def change() -> dict:
            there = self._find(resource, namespace, name)
            if there["metadata"]["uid"] != patch["metadata"]["uid"]:
                raise ApiError(409, "Conflict", "the uid in the precondition is another")
            there["spec"] |= patch["spec"]
            return self.put(resource.plural, there)

        return await self._call("patch", resource.plural, change)

    async def log(self, namespace: str, pod: str, *, container: str, lines: int, limit_bytes: int) -> str:
        said = self.logs.get(pod, ApiError(404, "NotFound", "no such pod"))
        self.calls.append(("log", pod))
        if isinstance(said, ApiError):
            raise said
        return said

    def _find(self, resource: Resource, namespace: str, name: str) -> dict:
        try:
            return copy.deepcopy(self.objects[resource.plural, namespace, name])
        except KeyError:
            raise ApiError(404, "NotFound", f"{name} not found") from None

    async def _call(self, verb: str, plural: str, effect: Callable):
        await asyncio.sleep(0)  # whoever else is at work gets on between two calls
        self._writes += verb in WRITES
        number = self._writes
        self.calls.append((verb, plural))
        self.fault(verb, number)
        try:
            return copy.deepcopy(effect())
        finally:
            self.fault_after(verb, number)
