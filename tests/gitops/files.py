"""The files of GitOps, and how those among them that are generated are made."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ARGOCD, FLUX = ROOT / "gitops" / "argocd", ROOT / "gitops" / "flux"
RECORDED = Path(__file__).parent / "recorded"
SETTINGS = ARGOCD / "argocd-cm.yaml"
_KINDS = ("thinksafe.dev_ThinkSafeRun", "thinksafe.dev_ThinkSafeExperiment")
_HEAD = """\
# What Argo CD has to know of both kinds, as a patch of its own ConfigMap. Made from the Lua files beside it
# (PYTHONPATH=tests python -m gitops); do not edit.
"""


def settings() -> str:
    """The ConfigMap argocd-cm with the health check and the actions: the same for both kinds."""
    actions = {
        "discovery.lua": _lua("actions/discovery"),
        "definitions": [{"name": name, "action.lua": _lua(f"actions/{name}")} for name in ("suspend", "resume")],
    }
    data = {}
    for kind in _KINDS:
        data[f"resource.customizations.health.{kind}"] = _lua("health")
        data[f"resource.customizations.actions.{kind}"] = as_yaml(actions)
    return _HEAD + as_yaml({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm"}, "data": data})


def as_yaml(document: object) -> str:
    """In the order it has, with texts of several lines as blocks."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=119, allow_unicode=True)


def _lua(name: str) -> str:
    return (ARGOCD / f"{name}.lua").read_text()


class _Dumper(yaml.SafeDumper):
    """Lua stays readable, and nothing is an alias."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
