"""A cluster as the plugin's verbs meet it through kubectl: runs by name, and every call that was made."""

import json
from collections.abc import Callable

from thinksafe.errors import ThinkSafeError
from thinksafe.plugin.kubectl import Kubectl, name_of
from thinksafe.plugin.trouble import NotFound


class Cluster(Kubectl):
    """`refuse`: errors by the start of the call that meets them. `after`: what else happens once a call was made."""

    def __init__(self, *runs: dict, flags: tuple[str, ...] = ()) -> None:
        self.flags = list(flags)
        self.there = {run["metadata"]["name"]: run for run in runs}
        self.calls = list[tuple[str, ...]]()
        self.refuse = dict[str, ThinkSafeError]()
        self.after = dict[str, Callable[[], object]]()
        self.pods = ["pod/one"]
        self.dry = list[dict]()

    def run(self, name: str) -> dict:
        if name_of(name) not in self.there:
            raise NotFound(f'thinksaferuns.thinksafe.dev "{name}" not found')
        return self.there[name_of(name)]

    def runs(self, *, everywhere: bool) -> list[dict]:
        return list(self.there.values())

    def text(self, *arguments: str, input: str | None = None) -> str:
        self.calls.append(arguments)
        line = " ".join(arguments)
        for start, error in self.refuse.items():
            if line.startswith(start):
                raise error
        sent = json.loads(input) if input else {}
        if line.startswith("create --dry-run"):
            self.dry.append(sent)
        elif line.startswith("create"):
            if sent["metadata"]["name"] in self.there:
                raise ThinkSafeError("Error from server (AlreadyExists): it exists")
            self.there[sent["metadata"]["name"]] = {**sent, "metadata": {**sent["metadata"], "uid": "new"}}
        elif line.startswith("delete --raw"):
            name = arguments[2].rpartition("/")[2]
            if self.there[name]["metadata"]["uid"] != sent["preconditions"]["uid"]:
                raise ThinkSafeError("Error from server (Conflict): the UID in the precondition does not match")
            del self.there[name]
        for start, act in self.after.items():
            if line.startswith(start):
                act()
        return "\n".join(self.pods) if line.startswith("get pods") else ""

    def through(self, *arguments: str) -> int:
        self.calls.append(arguments)
        return 0
