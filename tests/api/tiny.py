"""A run as short as one can be, for an operator whose workers are played."""


def tiny_run(name: str, **spec: object) -> dict:
    """A ThinkSafeRun with everything that it must have, and what is in `spec`."""
    least = {
        "model": {"name": "tiny://student?seed=0"},
        "prompts": [{"source": "tiny://prompts?seed=0", "format": "tiny"}],
        "guard": {"name": "tiny://guard", "family": "tiny"},
        "steering": {"template": "prefix"},
        "storage": {"uri": "s3://bucket/runs"},
    }
    run = {"apiVersion": "thinksafe.dev/v1alpha1", "kind": "ThinkSafeRun", "metadata": {"name": name}}
    return {**run, "spec": {**least, **spec}}
