"""The demo's run again, in a place of its own: made suspended, let go, suspended in the middle of generate, let go
again. And, while it goes on to its end, another one that is deleted in the middle."""

import time
from dataclasses import dataclass, field

import yaml
from e2e.main_job import EXAMPLE
from e2e.namespace import Namespace

QUIET_SECONDS = 10  # in which an operator that means to do something would have done it
Objects = dict[str, str]  # committed objects of a store: key and hash


@dataclass
class Story:
    """What was seen on the way, in this order. `children` are names of what was there of the run."""

    place: Namespace
    before: tuple[list[str], dict] = field(default_factory=lambda: ([], {}))  # children and status
    committed: Objects = field(default_factory=dict)  # when it was suspended in the middle
    claims: list[tuple[str, list[str]]] = field(default_factory=list)  # what Suspended said, and the pods right after
    suspended: tuple[list[str], dict] = field(default_factory=lambda: ([], {}))
    kept: Objects = field(default_factory=dict)
    quiet: list[str] = field(default_factory=list)  # children a while later
    deleted: "Deleted | None" = None
    end: dict = field(default_factory=dict)
    objects: Objects = field(default_factory=dict)


@dataclass
class Deleted:
    """Of the run that was deleted: pods that it had, what was committed then, what is there a while later."""

    pods: list[str]
    committed: Objects
    children: list[str]
    left: Objects


def demo(place: Namespace, name: str, **spec: object) -> dict:
    """The demo's manifest under another name, with its artifacts in this namespace's place."""
    document = yaml.safe_load(EXAMPLE.read_text())
    document["metadata"]["name"] = name
    document["spec"] |= {"storage": place.storage_spec(), **spec}
    return document


def watch(place: Namespace) -> Story:
    story = Story(place)
    place.apply(demo(place, "run", suspend=True))
    place.wait_for_phase("run", "Suspended", seconds=60)
    time.sleep(QUIET_SECONDS)
    story.before = (place.children("run"), place.status("run"))

    place.patch("run", suspend=False)
    story.committed = _wait_for_chunks(place, "run")
    place.patch("run", suspend=True)
    story.claims = _watch_suspension(place)
    story.suspended = (place.children("run"), place.status("run"))
    time.sleep(QUIET_SECONDS)
    story.kept = place.objects()
    story.quiet = place.children("run")

    place.patch("run", suspend=False)
    story.deleted = _delete_in_the_middle(place)
    story.end = place.wait_for_phase("run", "Succeeded", "Failed", "GateFailed", seconds=1500)
    story.objects = place.objects()
    return story


def responses(objects: Objects) -> Objects:
    return {key: digest for key, digest in objects.items() if key.startswith("artifacts/responses/")}


def _wait_for_chunks(place: Namespace, run: str, uri: str | None = None, seconds: float = 900) -> Objects:
    """The store's objects, once some of a run's responses are committed and its stage still goes on."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if responses(found := place.objects(uri)):
            return found
        time.sleep(0.2)
    raise AssertionError(f"no chunk after {seconds:.0f} s: {place.status(run).get('message')}")


def _watch_suspension(place: Namespace, seconds: float = 120) -> list[tuple[str, list[str]]]:
    """What the condition Suspended said, and which pods were there right after."""
    seen: list[tuple[str, list[str]]] = []
    end = time.monotonic() + seconds
    while not seen or seen[-1][0] != "True":
        assert time.monotonic() < end, f"it is not suspended: {place.status('run')}"
        said = place.condition("run", "Suspended")["status"]
        seen.append((said, _alive(place, "run")))
    return seen


def _delete_in_the_middle(place: Namespace) -> Deleted:
    uri = f"{place.storage}/deleted"
    place.apply(demo(place, "deleted", storage={**place.storage_spec(), "uri": uri}))
    committed = _wait_for_chunks(place, "deleted", uri)
    pods = _alive(place, "deleted")
    place.kubectl("delete", "thinksaferun", "deleted", "--wait")
    place.wait_until_alone("deleted")
    time.sleep(QUIET_SECONDS)
    return Deleted(pods, committed, place.children("deleted"), place.objects(uri))


def _alive(place: Namespace, run: str) -> list[str]:
    pods = place.find("pods", f"thinksafe.dev/run={run}")
    return [p["metadata"]["name"] for p in pods if p["status"]["phase"] in ("Pending", "Running")]
