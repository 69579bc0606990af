"""The kinds of objects that the operator reads or writes, as the API addresses them. Pure."""

from dataclasses import dataclass

from thinksafe_operator.names import EXPERIMENTS as _EXPERIMENTS
from thinksafe_operator.names import GROUP, PLURAL, VERSION


@dataclass(frozen=True)
class Resource:
    """A kind of object as the API addresses it."""

    group: str
    version: str
    plural: str

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.plural, name, subresource]
        return "/".join(p for p in parts if p)


RUNS = Resource(GROUP, VERSION, PLURAL)
EXPERIMENTS = Resource(GROUP, VERSION, _EXPERIMENTS)
JOBS = Resource("batch", "v1", "jobs")
PODS = Resource("", "v1", "pods")
CORE_EVENTS = Resource("", "v1", "events")
EVENTS = Resource("events.k8s.io", "v1", "events")
_BY_KIND = {
    "ThinkSafeRun": RUNS,
    "Job": JOBS,
    "ConfigMap": Resource("", "v1", "configmaps"),
    "Service": Resource("", "v1", "services"),
}


def resource_of(kind: str) -> Resource:
    """The address of a kind that the operator creates; another one is a mistake in the code."""
    return _BY_KIND[kind]
