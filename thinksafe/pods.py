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

    image: Name | None = Field(default=None, description="The worker's image; the operator's own choice if unset.")
    resources: Resources | None = Field(default=None, description="What a worker asks of its node.")
    node_selector: dict[str, str] | None = Field(
        default=None, description="Labels that a node must have to get a worker."
    )
    tolerations: list[Toleration] | None = Field(
        default=None, max_length=64, description="Taints of nodes on which workers may run all the same."
    )
    service_account_name: ObjectName | None = Field(
        default=None, description="The service account of the pods, for identities that a cloud gives to one."
    )
    env: list[EnvVar] | None = Field(
        default=None, max_length=128, description="Environment variables of the worker, added to the operator's own."
    )
    env_from: list[EnvFrom] | None = Field(
        default=None, max_length=32, description="Secrets and ConfigMaps whose keys become environment variables."
    )
    volumes: list[Volume] | None = Field(
        default=None, max_length=64, description="Volumes of the pod, as Kubernetes has them."
    )
    volume_mounts: list[VolumeMount] | None = Field(
        default=None, max_length=64, description="Where the worker sees the volumes, as Kubernetes has it."
    )
    image_pull_secrets: list[LocalObjectReference] | None = Field(
        default=None, max_length=16, description="Secrets with which the image is pulled."
    )
    runtime_class_name: ObjectName | None = Field(default=None, description="The RuntimeClass of the pods.")
    priority_class_name: ObjectName | None = Field(default=None, description="The PriorityClass of the pods.")
    resource_claims: list[ResourceClaim] | None = Field(
        default=None, max_length=16, description="Devices of dynamic resource allocation that a worker uses."
    )
    scheduler_name: ObjectName | None = Field(default=None, description="The scheduler that places the pods.")
    shared_memory: Quantity | None = Field(
        default=None, description="The size limit of /dev/shm; unset is no limit but the worker's memory limit."
    )
    pod_template: PodTemplate | None = Field(
        default=None, description="What is merged last into the pod template, for everything that has no field here."
    )
    retries: Whole | None = Field(
        default=None, ge=0, description="How often a stage is tried again with a further Job after a failed one; "
        "2 if unset."
    )
    pod_retries: Whole | None = Field(
        default=None, ge=0, description="How often a worker is started again within one Job; 3 if unset."
    )
    pending_deadline_seconds: Whole | None = Field(
        default=None, ge=1, description="The run fails when a stage's workers wait longer than this to start; "
        "unset is for ever."
    )
    stall_timeout_seconds: Whole | None = Field(
        default=None, ge=5, description="A stage whose workers made no progress for so long is stopped and tried "
        "again; 1800 if unset."
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

    replicas: int = Field(default=1, ge=1, le=1024, description="How many workers share the stage's work.")


class Stages(Part):
    """The stages' settings, by name."""

    model_config = rules(
        ("self.prepare.replicas == 1", "prepare is one worker's work", ".prepare.replicas"),
        ("self.report.replicas == 1", "report is one worker's work", ".report.replicas"),
    )
    prepare: Stage = Field(default=Stage(), description="The stage that reads prompts and removes duplicates.")
    generate: Stage = Field(default=Stage(), description="The stage in which the frozen student answers.")
    filter: Stage = Field(default=Stage(), description="The stage in which the guard judges.")
    train: Stage = Field(default=Stage(), description="The stage that trains the adapter.")
    evaluate: Stage = Field(default=Stage(), description="The stage that measures base and adapter, side by side.")
    report: Stage = Field(default=Stage(), description="The stage that gives the verdict and the web page.")

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
        default=None, description="The name of a PersistentVolumeClaim in the run's namespace."
    )
    host_path: Annotated[str, Field(max_length=4096, pattern=r"^/[^/]")] | None = Field(
        default=None, description="The full path of a folder on every node."
    )
    image: Name | None = Field(
        default=None, description="An image with the models in it, mounted read-only as an image volume."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "persistent_volume_claim", "host_path", "image")
        return self
