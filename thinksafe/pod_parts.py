"""The things of a pod that a manifest names first-class, in Kubernetes' own words, checked before it sees them."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from thinksafe.part import Name, ObjectName, Part, Whole, exactly_one, given, rules

_QUANTITY = (
    r"^\+?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
# A whole number or a text, as everywhere in Kubernetes; a text once it is read.
Quantity = Annotated[
    str,
    BeforeValidator(lambda v: str(v) if isinstance(v, int) and not isinstance(v, bool) else v),
    StringConstraints(pattern=_QUANTITY, max_length=64),
    WithJsonSchema({"x-kubernetes-int-or-string": True, "pattern": _QUANTITY, "maxLength": 64, "minimum": 0}),
]


def _any_object(*required: str) -> WithJsonSchema:
    needed = {"required": list(required)} if required else {}
    # Nullable, or the API server drops the nulls with which a podTemplate removes what is there.
    value = {"x-kubernetes-preserve-unknown-fields": True, "nullable": True}
    return WithJsonSchema({"type": "object", **needed, "additionalProperties": value})


# Any object: nothing in it is checked, and nothing in it is lost. Said as a map, not as an object without fields,
# because only of a map the API server compares every key when it judges whether the spec was changed.
Anything = Annotated[dict[str, Any], _any_object()]
Volume = Annotated[dict[str, Any], _any_object("name")]
VolumeMount = Annotated[dict[str, Any], _any_object("name", "mountPath")]


def one_of(part: Part, *fields: str) -> None:
    names = {f: type(part).model_fields[f].alias for f in fields}
    if sum(getattr(part, f) is not None for f in fields) != 1:
        raise ValueError(f"needs exactly one of {', '.join(str(n) for n in names.values())}")


class Resources(Part):
    """What a worker asks of its node."""

    requests: dict[str, Quantity] = Field(
        default={}, description="The scheduler sets this aside for a worker, by resource name."
    )
    limits: dict[str, Quantity] = Field(
        default={}, description="A worker gets this at most, by resource name; GPUs are asked for here."
    )


class KeyReference(Part):
    """One key of a Secret or ConfigMap in the run's namespace."""

    name: ObjectName = Field(description="The Secret or ConfigMap has this name.")
    key: Name = Field(description="The value stands under this key.")
    optional: bool | None = Field(default=None, description="If true, a worker starts even if the key is not there.")


class FieldReference(Part):
    """A field of the pod itself."""

    field_path: Name = Field(description="The field has this path, such as status.podIP.")


class EnvSource(Part):
    """Where the value of an environment variable comes from: exactly one of the fields."""

    model_config = rules(
        (exactly_one("secretKeyRef", "configMapKeyRef", "fieldRef"),
         "needs exactly one of secretKeyRef, configMapKeyRef, fieldRef")
    )  # fmt: skip
    secret_key_ref: KeyReference | None = Field(default=None, description="The value is that of a key of a Secret.")
    config_map_key_ref: KeyReference | None = Field(
        default=None, description="The value is that of a key of a ConfigMap."
    )
    field_ref: FieldReference | None = Field(default=None, description="The value is that of a field of the pod.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "secret_key_ref", "config_map_key_ref", "field_ref")
        return self


class EnvVar(Part):
    """The worker gets this environment variable."""

    model_config = rules(
        (f"!({given('value')} && {given('valueFrom')})", "cannot have both value and valueFrom", ".valueFrom")
    )
    name: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[-._a-zA-Z][-._a-zA-Z0-9]*$")] = Field(
        description="The variable has this name."
    )
    value: Annotated[str, Field(max_length=32768)] | None = Field(
        default=None, description="The variable has this value; it is empty if neither this nor valueFrom is set."
    )
    value_from: EnvSource | None = Field(
        default=None, description="The variable's value comes from here, instead of from value."
    )

    @model_validator(mode="after")
    def _not_both(self) -> Self:
        if self.value is not None and self.value_from is not None:
            raise ValueError(".valueFrom: cannot have both value and valueFrom")
        return self


class EnvFromReference(Part):
    """A Secret or ConfigMap in the run's namespace."""

    name: ObjectName = Field(description="The Secret or ConfigMap has this name.")
    optional: bool | None = Field(default=None, description="If true, a worker starts even if it is not there.")


class EnvFrom(Part):
    """Every key of a Secret or of a ConfigMap, exactly one of the two, becomes an environment variable."""

    model_config = rules((exactly_one("secretRef", "configMapRef"), "needs exactly one of secretRef, configMapRef"))
    prefix: Annotated[str, Field(max_length=256)] | None = Field(
        default=None, description="This is put in front of every key."
    )
    secret_ref: EnvFromReference | None = Field(default=None, description="The keys are those of this Secret.")
    config_map_ref: EnvFromReference | None = Field(default=None, description="The keys are those of this ConfigMap.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "secret_ref", "config_map_ref")
        return self


class Toleration(Part):
    """Workers may run on nodes with this taint all the same."""

    model_config = rules(
        (f"{given('key')} && self.key != '' || self.operator == 'Exists'",
         "without a key the operator must be Exists", ".operator"),
        (f"!(self.operator == 'Exists' && {given('value')} && self.value != '')",
         "cannot be set with operator Exists", ".value"),
        (f"!{given('tolerationSeconds')} || {given('effect')} && self.effect == 'NoExecute'",
         "needs effect NoExecute", ".tolerationSeconds"),
    )  # fmt: skip
    key: Annotated[str, Field(max_length=316)] | None = Field(
        default=None, description="The taint has this key; unset, with operator Exists, is every taint."
    )
    operator: Literal["Equal", "Exists"] = Field(
        default="Equal", description="With Equal the taint must have this value, with Exists any."
    )
    value: Annotated[str, Field(max_length=63)] | None = Field(
        default=None, description="The taint has this value, for operator Equal."
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint has this effect; unset is every effect."
    )
    toleration_seconds: Whole | None = Field(
        default=None, description="A worker stays so long on a node that gets the taint; unset is for ever."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.key and self.operator != "Exists":
            raise ValueError(".operator: without a key the operator must be Exists")
        if self.operator == "Exists" and self.value:
            raise ValueError(".value: cannot be set with operator Exists")
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError(".tolerationSeconds: needs effect NoExecute")
        return self


class LocalObjectReference(Part):
    """The object is in the run's namespace."""

    name: ObjectName = Field(description="The object has this name.")


class ResourceClaim(Part):
    """A claim asks for a device of dynamic resource allocation, from exactly one of the two sources."""

    model_config = rules(
        (exactly_one("resourceClaimName", "resourceClaimTemplateName"),
         "needs exactly one of resourceClaimName, resourceClaimTemplateName")
    )  # fmt: skip
    name: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")] = Field(
        description="The claim has this name in the pod."
    )
    resource_claim_name: ObjectName | None = Field(
        default=None, description="All workers share the ResourceClaim of this name."
    )
    resource_claim_template_name: ObjectName | None = Field(
        default=None, description="Each worker gets a claim of its own from this ResourceClaimTemplate."
    )
    request: Name | None = Field(
        default=None, description="The worker uses this one request of the claim; unset is all of them."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        one_of(self, "resource_claim_name", "resource_claim_template_name")
        return self


class PodTemplateMetadata(Part):
    """Labels and annotations of the workers' pods."""

    labels: dict[str, str] = Field(default={}, description="Every worker's pod gets these labels.")
    annotations: dict[str, str] = Field(default={}, description="Every worker's pod gets these annotations.")


class PodTemplate(Part):
    """What is merged last into the pod template of a stage's Job, as a strategic merge patch is.

    Lists of named things are merged by name (the worker's container is named worker), other lists are replaced, and
    null removes what is there.
    """

    metadata: PodTemplateMetadata | None = Field(
        default=None, description="The pods get these labels and annotations."
    )
    spec: Anything | None = Field(
        default=None, description="Any part of a pod's spec may stand here; the worker's container is named worker."
    )
