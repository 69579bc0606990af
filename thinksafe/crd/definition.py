"""The CustomResourceDefinition of a kind. Pure."""

from typing import Any

import yaml

from thinksafe import benchmarks
from thinksafe.crd.kinds import RUN, Kind
from thinksafe.crd.structural import schema_of
from thinksafe.spec import API_VERSION, Metadata

GROUP, VERSION = API_VERSION.split("/")


def definition(kind: Kind = RUN) -> dict[str, Any]:
    """The whole CustomResourceDefinition."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "additionalPrinterColumns": [
            {"name": name, "type": type_, "jsonPath": path, **({"priority": priority} if priority else {})}
            for name, type_, path, priority in kind.columns
        ],
        "selectableFields": [{"jsonPath": ".status.phase"}],
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": _root(kind)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind.name,
                "listKind": f"{kind.name}List",
                "plural": kind.plural,
                "singular": kind.name.lower(),
                "shortNames": [kind.short],
                "categories": ["thinksafe"],
            },
            "versions": [version],
        },
    }


def to_yaml(document: dict[str, Any]) -> str:
    """The document as the file in crds/."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)
    return f"# Made by `make crds` from thinksafe/spec; do not edit.\n{text}"


class _Dumper(yaml.SafeDumper):
    """A field that holds no other one is one line: two thirds of the size, and read as a table."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        values = [value for _, value in node.value]
        node.flow_style = all(not isinstance(v, yaml.MappingNode) and _is_flat(v) for v in values)
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = _is_flat(node)
        return node


def _is_flat(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) or all(isinstance(item, yaml.ScalarNode) for item in node.value)


def _root(kind: Kind) -> dict[str, Any]:
    name = Metadata.model_json_schema()["properties"]["name"]
    name = {k: name[k] for k in ("type", "minLength", "maxLength", "pattern")}
    text = {"type": "string"}
    return {
        "description": kind.sentence,
        "type": "object",
        **({"x-kubernetes-validations": list(kind.rules)} if kind.rules else {}),
        "required": ["metadata", "spec"],
        "properties": {
            "apiVersion": {"description": f"The version of this API is {API_VERSION}.", **text},
            "kind": {"description": f"The kind of this object is {kind.name}.", **text},
            "metadata": {"type": "object", "properties": {"name": name}},
            "spec": _spec(kind),
            "status": _status(kind),
        },
    }


def _status(kind: Kind) -> dict[str, Any]:
    """What no operator has looked at yet says so: without any status kstatus would take it for done."""
    return {**schema_of(kind.status, nulls=False), "default": {"observedGeneration": 0}}


def _spec(kind: Kind) -> dict[str, Any]:
    spec = schema_of(kind.spec, nulls=True)
    unchanged = [_unchanged(f, kind.changed) for f in spec["properties"] if f not in kind.mutable]
    spec["x-kubernetes-validations"] += unchanged
    run = spec if kind is RUN else spec["properties"]["run"]
    _name_the_benchmarks(run["properties"]["evaluation"])
    return spec


def _unchanged(field: str, otherwise: str) -> dict[str, str]:
    """The transition rule of a field that may be absent before, after, or both."""
    same = f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"
    return {"rule": same, "message": f"cannot be changed: {otherwise}", "fieldPath": f".{field}"}


def _name_the_benchmarks(evaluation: dict[str, Any]) -> None:
    """What thinksafe/checks.py says of benchmarks by asking them; the models do not know them."""
    evaluation["properties"]["benchmarks"]["items"]["enum"] = list(benchmarks.names())
    evaluation["x-kubernetes-validations"] += [
        {
            "rule": f"!('{name}' in self.benchmarks) || '{name}' in self.sources",
            "message": f"{name} has no public place: name its file in sources",
            "fieldPath": ".benchmarks",
        }
        for name in benchmarks.names()
        if not benchmarks.get(name).source
    ]
