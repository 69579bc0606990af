"""`helm test`: the API server takes a run, and refuses one that is wrong. Both are dry runs: nothing is stored.

Run in the operator's image, with a service account that may create ThinkSafeRuns in the release's namespace.
"""

import sys
from pathlib import Path

from kubernetes import client, config

GROUP, VERSION, PLURAL = "thinksafe.dev", "v1alpha1", "thinksaferuns"
NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def run(**spec: object) -> dict:
    tiny = {"model": {"name": "tiny://student"}, "prompts": [{"source": "tiny://prompts"}]}
    metadata = {"generateName": "helm-test-"}
    return {"apiVersion": f"{GROUP}/{VERSION}", "kind": "ThinkSafeRun", "metadata": metadata, "spec": {**tiny, **spec}}


def refusal(api: client.CustomObjectsApi, namespace: str, body: dict) -> str:
    """Why the API server does not take the run; empty if it does."""
    try:
        api.create_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, body, dry_run="All", field_validation="Strict"
        )
    except client.ApiException as error:
        return f"{error.status} {error.body}"
    return ""


def main() -> None:
    config.load_incluster_config()
    api, namespace = client.CustomObjectsApi(), NAMESPACE_FILE.read_text().strip()
    if why := refusal(api, namespace, run()):
        sys.exit(f"a run that is right is refused in {namespace}: {why}")
    if not refusal(api, namespace, run(generation={"samples": 0})):
        sys.exit("a run with no samples is taken: the definition of ThinkSafeRuns is not this chart's")
    print(f"ThinkSafeRuns are served: a dry run in {namespace} was taken, a wrong one was refused")


if __name__ == "__main__":
    main()
