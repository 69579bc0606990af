"""Which resources are accelerators, how many processes train on them, and who does not get any. Pure."""

from collections.abc import Iterator
from typing import Any

from thinksafe.errors import SettingsError
from thinksafe.pods import PodSettings

# They read prompts and write a page: a GPU would be held for nothing.
WITHOUT = frozenset({"prepare", "report"})


def is_accelerator(resource: str) -> bool:
    """Whether this is an extended resource: nvidia.com/gpu, amd.com/gpu, nvidia.com/mig-1g.10gb, rdma/hca, ..."""
    domain, slash, _ = resource.partition("/")
    return bool(slash) and domain != "kubernetes.io" and not domain.endswith(".kubernetes.io")


def without_accelerators(workers: PodSettings) -> PodSettings:
    """The defaults for all stages, less every accelerator in them: what a stage of WITHOUT starts from.

    What such a stage asks for by itself it gets: only the defaults were not meant for it.
    """
    resources, template = workers.resources, workers.pod_template
    if resources is not None:
        resources = resources.model_copy(update=_plain(resources.model_dump()))
    if template is not None and template.spec is not None:
        pod = {field: value for field, value in template.spec.items() if field != "resourceClaims"}
        for kind in ("containers", "initContainers"):
            if isinstance(pod.get(kind), list):
                pod[kind] = [_plain_container(c) for c in pod[kind]]
        template = template.model_copy(update={"spec": pod})
    return workers.model_copy(update={"resources": resources, "resource_claims": None, "pod_template": template})


def _plain_container(container: Any) -> Any:
    if not isinstance(container, dict) or "resources" not in container:
        return container
    return {**container, "resources": _plain(container["resources"])}


def _plain(resources: Any) -> Any:
    """`resources` without extended resources and claims; whatever is not of that shape stays as it is."""
    if not isinstance(resources, dict):
        return resources
    return {
        field: {r: n for r, n in amounts.items() if not is_accelerator(r)} if isinstance(amounts, dict) else amounts
        for field, amounts in resources.items()
        if field != "claims"
    }


def processes(container: dict) -> int:
    """Processes that train in one pod: one a GPU of the container's limits, at least one.

    A device of a resource claim (DRA) is not seen here; THINKSAFE_PROCESSES in the stage's env says it then.
    Raises SettingsError if a number of GPUs is not a whole number.
    """
    return max(1, sum(_gpus(container)))


def _gpus(container: dict) -> Iterator[int]:
    resources = container.get("resources")
    limits = resources.get("limits") if isinstance(resources, dict) else None
    for resource, amount in limits.items() if isinstance(limits, dict) else ():
        if is_accelerator(resource) and resource.endswith("/gpu"):
            try:
                yield int(amount)
            except (TypeError, ValueError):
                raise SettingsError(
                    f"limits of train: {resource}: {amount!r} is not a whole number", reason="InvalidSpec"
                ) from None
