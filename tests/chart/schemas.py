"""JSON schemas for kubeconform, from what a real API server says of its kinds: no download, and its own version."""

import json
from pathlib import Path
from typing import Any

from cluster.access import Access

# As kubeconform asks for them; of the core group (`v1`) it takes the version for the group.
LOCATION = "{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"


def write(access: Access, objects: list[dict], folder: Path) -> None:
    """The schema of every kind among the objects; KeyError for one that the API server does not serve."""
    for api_version, kind in sorted({(o["apiVersion"], o["kind"]) for o in objects}):
        group, _, version = api_version.rpartition("/")
        served = f"apis/{group}/{version}" if group else f"api/{version}"
        document = json.loads(access.kubectl("get", "--raw", f"/openapi/v3/{served}"))
        schemas = {name: _strict(schema) for name, schema in document["components"]["schemas"].items()}
        wanted = {"group": group, "version": version, "kind": kind}
        (name,) = [n for n, s in schemas.items() if wanted in s.get("x-kubernetes-group-version-kind", [])]
        schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}}
        (folder / f"{kind.lower()}-{group or version}-{version}.json").write_text(json.dumps(schema))


def _strict(schema: Any) -> Any:
    """A schema that refuses fields it does not know."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {key: _strict(part) for key, part in schema.items()}
    if isinstance(schema.get("properties"), dict) and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict.setdefault("additionalProperties", False)
    return strict
