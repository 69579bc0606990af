"""How the stages' pods are made on a cluster: the part of the spec that changes nothing of what comes out.

First-class fields are checked here and by the API server. What a pod can have beyond them goes into `podTemplate`,
which nobody reads before Kubernetes does.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from thinksafe.part import Name, ObjectName, Part, Whole, exactly_one, rules
from thinksafe.pod_parts import (
    EnvFrom,
    EnvVar,
    LocalObjectReference,
    PodTemplate,
    Quantity,
    ResourceClaim,
    Resources,
    Toleration,
    Volume,
    VolumeMount,
    one_of,
)


class PodSettings(Part):
    """How workers run on a cluster. What is unset in a stage is taken from spec.workers, then from the operator."""

    image: Name | None = Field(
        default=None, description="Workers run this image; if unset, the operator's own choice."
    )
    resources: Resources | None = Field(default=None, description="A worker asks this of its node.")
    node_selector: dict[str, str] | None = Field(
        default=None, description="A node must have these labels to get a worker."
    )
    tolerations: list[Toleration] | None = Field(
        default=None, max_length=64, description="Workers may run on nodes with these taints all the same."
    )
    service_account_name: ObjectName | None = Field(
        default=None, description="The pods have this service account, for identities that a cloud gives to one."
    )
    env: list[EnvVar] | None = Field(
        default=None,
        max_length=128,
        description="The worker gets these environment variables beside the operator's own.",
    )
    env_from: list[EnvFrom] | None = Field(
        default=None,
        max_length=32,
        description="Every key of these Secrets and ConfigMaps becomes an environment variable.",
    )
    volumes: list[Volume] | None = Field(
        default=None, max_length=64, description="The pod has these volumes, in Kubernetes' own words."
    )
    volume_mounts: list[VolumeMount] | None = Field(
        default=None,
        max_length=64,
        description="The worker sees the volumes at these paths, in Kubernetes' own words.",
    )
    image_pull_secrets: list[LocalObjectReference] | None = Field(
        default=None, max_length=16, description="The image is pulled with these Secrets."
    )
    runtime_class_name: ObjectName | None = Field(default=None, description="The pods run with this RuntimeClass.")
    priority_class_name: ObjectName | None = Field(default=None, description="The pods have this PriorityClass.")
    resource_claims: list[ResourceClaim] | None = Field(
        default=None, max_length=16, description="A worker uses these devices of dynamic resource allocation."
    )
    scheduler_name: ObjectName | None = Field(default=None, description="The pods are placed by this scheduler.")
    shared_memory: Quantity | None = Field(
        default=None, description="The size of /dev/shm has this limit; if unset, only the worker's memory limit."
    )
    pod_template: PodTemplate | None = Field(
        default=None, description="This is merged last into the pod template, for everything that has no field here."
    )
    retries: Whole | None = Field(
        default=None,
        ge=0,
        description="A stage is tried again with so many further Jobs after a failed one; 2 if unset.",
    )
    pod_retries: Whole | None = Field(
        default=None, ge=0, description="A worker is started again so often within one Job; 3 if unset."
    )
    pending_deadline_seconds: Whole | None = Field(
        default=None,
        ge=1,
        description="The run fails when a stage's workers wait longer than this to start; if unset, they wait for "
        "ever.",
    )
    stall_timeout_seconds: Whole | None = Field(
        default=None,
        ge=5,
        description="A stage is stopped and tried again when its workers made no progress for so long; 1800 if unset.",
    )

    @model_validator(mode="after")
    def _volumes_have_names(self) -> Self:
        for field, needed in (("volumes", ("name",)), ("volume_mounts", ("name", "mountPath"))):
            for i, item in enumerate(getattr(self, field) or []):
                for key in needed:
                    if key not in item:
                        raise ValueError(f".{type(self).model_fields[field].alias}[{i}].{key}: is required")
        return self


class Stage(PodSettings):
    """How one stage runs on a cluster."""

    replicas: int = Field(default=1, ge=1, le=1024, description="So many workers share the stage's work.")


class Stages(Part):
    """The stages' settings, by name."""

    model_config = rules(
        ("self.prepare.replicas == 1", "prepare is one worker's work", ".prepare.replicas"),
        ("self.report.replicas == 1", "report is one worker's work", ".report.replicas"),
    )
    prepare: Stage = Field(default=Stage(), description="In prepare, prompts are read and duplicates removed.")
    generate: Stage = Field(default=Stage(), description="In generate, the frozen student answers the prompts.")
    filter: Stage = Field(default=Stage(), description="In filter, the guard judges the responses.")
    train: Stage = Field(default=Stage(), description="In train, the adapter is trained.")
    evaluate: Stage = Field(
        default=Stage(), description="In evaluate, base model and adapter are measured, side by side."
    )
    report: Stage = Field(default=Stage(), description="In report, the verdict is given and the web page is made.")

    @model_validator(mode="after")
    def _single(self) -> Self:
        for name in ("prepare", "report"):
            if getattr(self, name).replicas != 1:
                raise ValueError(f".{name}.replicas: {name} is one worker's work")
        return self


class ModelCache(Part):
    """Where models are kept for all stages and runs, mounted at /models in every worker: exactly one of the fields.

    The Hugging Face cache is its folder huggingface.
    """

    model_config = rules(
        (exactly_one("persistentVolumeClaim", "hostPath", "image"),
         "needs exactly one of persistentVolumeClaim, hostPath, image")
    )  # fmt: skip
    persistent_volume_claim: ObjectName | None = Field(
        default=None, description="The models are on the PersistentVolumeClaim of this name, in the run's namespace."
    )
    host_path: Annotated[str, Field(max_length=4096, pattern=r"^/[^/]")] | None = Field(
        default=None, description="The models are in the folder at this full path, on every node."
    )
    image: Name | None = Field(
        default=None, description="The models are in this image, mounted read-only as an image volume."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "persistent_volume_claim", "host_path", "image")
        return self
