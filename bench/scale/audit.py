"""What the API server wrote down: when each object and its first child were made, and every call of an operator."""

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bench.scale.plane import NAMESPACE

NAME = "r-{:05d}"  # of the objects; whatever is made for one has a name that begins with its own
_OBJECT = re.compile(r"r-\d{5}")


@dataclass
class Calls:
    """One operator's calls in answer order. `made` and `first` are Unix seconds by object name.

    `each` holds (time, what, object or ""), `what` as "create jobs"; `refused` counts answers of 400 and above.
    """

    made: dict[str, float] = field(default_factory=dict)
    first: dict[str, float] = field(default_factory=dict)
    each: list[tuple[float, str, str]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)

    def latencies(self) -> list[float]:
        """Seconds from the creation of each object to that of its first child, sorted."""
        return sorted(self.first[name] - made for name, made in self.made.items() if name in self.first)

    def total(self) -> float:
        """Seconds from the first object's creation to the last first child."""
        return max(self.first.values()) - min(self.made.values())

    def creation_rate(self) -> float:
        """Objects a second as they were really made."""
        return (len(self.made) - 1) / max(max(self.made.values()) - min(self.made.values()), 1e-9)

    def until_first_child(self) -> Counter[str]:
        """Calls that name an object or something of its, up to its first child."""
        return Counter(what for at, what, name in self.each if name in self.first and at <= self.first[name])

    def between(self, start: float, end: float) -> Counter[str]:
        """All calls, also those that name nothing (lists)."""
        return Counter(what for at, what, _ in self.each if start <= at < end)


def read(log: Path, *, user: str, resource: str, child: str) -> Calls:
    """The calls of `user`, whose objects are `resource` and their first children `child` (plurals)."""
    calls = Calls()
    with log.open() as lines:
        for line in lines:
            event = json.loads(line)
            target, verb = event.get("objectRef") or {}, event["verb"]
            if verb == "watch" or event["stage"] != "ResponseComplete":
                continue
            at, code = _unix(event["stageTimestamp"]), event["responseStatus"]["code"]
            kind, name = target.get("resource", ""), _of(target, event["requestURI"])
            if event["user"]["username"] != user:
                if kind == resource and code == 201:
                    calls.made[name] = at
                continue
            what = f"{verb} {kind}/{target['subresource']}" if "subresource" in target else f"{verb} {kind}"
            calls.each.append((at, what, name))
            if code >= 400:
                calls.refused[f"{what}: {code}"] += 1
            elif verb == "create" and kind == child:
                calls.first.setdefault(name, at)
    calls.each.sort()
    return calls


def _of(target: dict, uri: str) -> str:
    """The object that a call is about; a list names it in its selector, if at all."""
    if target.get("namespace") != NAMESPACE:
        return ""
    found = _OBJECT.match(target.get("name", "")) or _OBJECT.search(uri)
    return found.group() if found else ""


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
