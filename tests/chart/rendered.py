"""The chart as Helm renders it: values in, objects out. No cluster is asked."""

import functools
import json
from collections.abc import Iterable

import yaml
from cluster.helm import CHART, RELEASE, SYSTEM, helm

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Refused = RuntimeError  # helm did not render the chart; its message is what helm says


def text(values: dict | None = None, *, release: str = RELEASE, namespace: str = SYSTEM) -> str:
    """What `helm template` prints, the hooks of `helm test` and the definition included. Raises Refused."""
    return _text(json.dumps(values or {}), release, namespace)


def render(values: dict | None = None, *, release: str = RELEASE, namespace: str = SYSTEM) -> list[dict]:
    """The objects of a release; not to be changed, for tests share them. Raises Refused."""
    return _objects(json.dumps(values or {}), release, namespace)


@functools.cache
def _text(values: str, release: str, namespace: str) -> str:
    return helm("template", release, CHART, f"--namespace={namespace}", values=json.loads(values))


@functools.cache
def _objects(values: str, release: str, namespace: str) -> list[dict]:
    return [one for one in yaml.load_all(_text(values, release, namespace), _LOADER) if one]


def find(objects: Iterable[dict], kind: str, name: str | None = None) -> list[dict]:
    """Those of a kind, and of a name if one is given; not the hooks of `helm test`."""
    return [o for o in objects if o["kind"] == kind and name in (None, o["metadata"]["name"]) and not is_hook(o)]


def one(objects: Iterable[dict], kind: str, name: str | None = None) -> dict:
    (found,) = find(objects, kind, name)
    return found


def hook(objects: Iterable[dict], kind: str) -> dict:
    """The object of this kind that `helm test` makes."""
    (found,) = [o for o in objects if o["kind"] == kind and is_hook(o)]
    return found


def is_hook(one: dict) -> bool:
    return "helm.sh/hook" in one["metadata"].get("annotations", {})


def own_values() -> dict:
    """What the chart's values.yaml says."""
    return yaml.safe_load((CHART / "values.yaml").read_text())


def nested(path: str, value: object) -> dict:
    """`a.b` and 1 -> {a: {b: 1}}"""
    first, _, rest = path.partition(".")
    return {first: nested(rest, value) if rest else value}


def merged(*parts: dict) -> dict:
    """Values laid over each other, as helm does it with several files."""
    result: dict = {}
    for part in parts:
        for key, value in part.items():
            old = result.get(key)
            result[key] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result
