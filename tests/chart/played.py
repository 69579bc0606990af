"""The kinds of the Prometheus operator that the chart makes, with the fields that it sets: played, not copied.

From its documentation (api-reference of monitoring.coreos.com/v1). What is not here is refused, as there.
"""

TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def _object(required: list[str], **properties: dict) -> dict:
    return {"type": "object", "required": required, "properties": properties}


def _definition(kind: str, plural: str, spec: dict) -> dict:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": _object(["spec"], spec=spec)},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {
            "group": "monitoring.coreos.com",
            "scope": "Namespaced",
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [version],
        },
    }


def _list(item: dict) -> dict:
    return {"type": "array", "items": item}


_TEXT = {"type": "string"}
_DURATION = {"type": "string", "pattern": "^([0-9]+(ms|[smhdwy]))+$"}
_ENDPOINT = _object([], port=_TEXT, path=_TEXT, interval=_DURATION)
_RULE = _object(["expr"], alert=_TEXT, expr=_TEXT, labels=TEXTS, annotations=TEXTS, **{"for": _DURATION})
_GROUP = _object(["name"], name=_TEXT, rules=_list(_RULE))

DEFINITIONS = [
    _definition(
        "ServiceMonitor",
        "servicemonitors",
        _object(["endpoints", "selector"], endpoints=_list(_ENDPOINT), selector=_object([], matchLabels=TEXTS)),
    ),
    _definition("PrometheusRule", "prometheusrules", _object([], groups=_list(_GROUP))),
]
