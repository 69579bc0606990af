"""The operator's pod: what it is told, how it is watched, what it may do on its node."""

import pytest
from chart.matrix import DIGEST, EVERYTHING, MATRIX, NAMESPACES
from chart.rendered import hook, merged, one, own_values, render

from thinksafe.spec import Storage
from thinksafe_operator.settings import Settings, from_env

VERSION = "0.1.0"


def pod(given: dict | None = None) -> dict:
    return one(render(given), "Deployment")["spec"]["template"]["spec"]


def container(given: dict | None = None) -> dict:
    (only,) = pod(given)["containers"]
    return only


def settings(given: dict | None = None) -> Settings:
    """The operator's settings, as the operator itself reads them."""
    return from_env({variable["name"]: variable["value"] for variable in container(given)["env"]})


def test_by_default_the_operator_knows_its_workers_image_and_nothing_else():
    assert settings() == Settings(worker_image=f"thinksafe/worker:{VERSION}")


def test_the_operator_is_told_everything_that_the_values_say():
    assert settings(EVERYTHING | {"namespaces": NAMESPACES, "fixedUser": False}) == Settings(
        worker_image="registry.example.org/worker:1.2.3-cuda",
        worker_image_pull_policy="IfNotPresent",
        worker_service_account="workers",
        worker_fixed_user=False,
        storage=Storage(
            uri="s3://bucket/{namespace}",
            endpoint="https://s3.example.org",
            region="eu-1",
            credentials_secret="thinksafe-storage",
        ),
        namespaces=tuple(NAMESPACES),
    )


def test_a_dollar_sign_survives_the_kubelet():
    env = {v["name"]: v["value"] for v in container({"storage": {"uri": "s3://bucket/$(HOME)"}})["env"]}
    assert env["THINKSAFE_STORAGE_URI"] == "s3://bucket/$$(HOME)"


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ({}, f"thinksafe/operator:{VERSION}"),
        ({"tag": "2"}, "thinksafe/operator:2"),
        ({"tag": "2", "digest": DIGEST}, f"thinksafe/operator@{DIGEST}"),
        ({"repository": "registry.example.org:5000/a/b"}, f"registry.example.org:5000/a/b:{VERSION}"),
    ],
)
def test_images_are_named_by_version_tag_or_digest(image, name):
    assert container({"image": image})["image"] == name
    assert hook(render({"image": image}), "Pod")["spec"]["containers"][0]["image"] == name


def test_two_operators_never_take_turns_during_an_upgrade():
    assert one(render(), "Deployment")["spec"]["strategy"] == {"type": "Recreate"}


def test_the_probes_ask_for_different_things_on_the_port_that_is_served():
    worker = container()
    ports = {p["name"]: p["containerPort"] for p in worker["ports"]}
    ready, alive = worker["readinessProbe"]["httpGet"], worker["livenessProbe"]["httpGet"]
    assert (ready["path"], alive["path"]) == ("/readyz", "/healthz")
    assert ports[ready["port"]] == ports[alive["port"]] == 8080
    # A start that takes long must not be ended by the probe that looks for a broken one.
    assert worker["livenessProbe"]["initialDelaySeconds"] >= 30
    assert worker["livenessProbe"]["failureThreshold"] * worker["livenessProbe"]["periodSeconds"] >= 60


@pytest.mark.parametrize("given", MATRIX.values(), ids=MATRIX)
def test_every_pod_is_locked_down(given):
    objects = render(given)
    for spec in (one(objects, "Deployment")["spec"]["template"]["spec"], hook(objects, "Pod")["spec"]):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one_container in spec["containers"]:
            assert one_container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert one_container["resources"]["limits"]["memory"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert all("emptyDir" in volume for volume in spec.get("volumes", []))


def test_a_user_number_is_said_unless_the_cluster_chooses_it():
    """OpenShift's SCC restricted-v2 refuses a number outside the range of the namespace."""
    for fixed, said in ((True, [65532]), (False, [])):
        objects = render({"fixedUser": fixed})
        for spec in (one(objects, "Deployment")["spec"]["template"]["spec"], hook(objects, "Pod")["spec"]):
            parts = [spec["securityContext"], *(c["securityContext"] for c in spec["containers"])]
            for number in ("runAsUser", "runAsGroup"):
                assert [part[number] for part in parts if number in part] == said, number
        assert settings({"fixedUser": fixed}).worker_fixed_user is fixed


def test_only_the_temporary_folder_can_be_written():
    assert container()["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert pod()["volumes"] == [{"name": "tmp", "emptyDir": {}}]


def test_the_pod_has_what_the_values_say_of_its_place():
    spec = pod(EVERYTHING)
    for field in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"):
        assert spec[field] == EVERYTHING[field], field
    assert one(render(EVERYTHING), "Deployment")["spec"]["replicas"] == 2
    assert container({"resources": {"limits": {"memory": "1Gi"}}})["resources"]["limits"]["memory"] == "1Gi"


def test_unset_places_are_not_there():
    assert not {"nodeSelector", "tolerations", "affinity", "priorityClassName", "imagePullSecrets"} & set(pod())


def test_labels_of_the_values_are_added_and_take_nothing_of_ours():
    deployment = one(render(EVERYTHING), "Deployment")
    template = deployment["spec"]["template"]["metadata"]
    assert template["labels"]["sidecar.example.org/inject"] == "false"
    assert template["labels"]["team"] == deployment["metadata"]["labels"]["team"] == "alignment"
    assert "sidecar.example.org/inject" not in deployment["metadata"]["labels"]
    assert template["annotations"] == {"example.org/note": "a note"}
    same = render(merged(EVERYTHING, {"podLabels": {"team": "mine"}}))
    assert one(same, "Deployment")["spec"]["template"]["metadata"]["labels"]["team"] == "mine"


def test_the_selector_finds_the_pod_and_nothing_that_can_change_is_in_it():
    deployment = one(render(EVERYTHING), "Deployment")
    selector = deployment["spec"]["selector"]["matchLabels"]
    assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    assert selector == {"app.kubernetes.io/name": "thinksafe-operator", "app.kubernetes.io/instance": "thinksafe"}
    assert not selector.items() <= hook(render(EVERYTHING), "Pod")["metadata"]["labels"].items()


def test_the_operators_token_is_given_to_its_pod_alone():
    objects = render()
    assert one(objects, "ServiceAccount")["automountServiceAccountToken"] is False
    assert pod()["automountServiceAccountToken"] is True


def test_the_default_resources_are_said_in_the_values():
    assert container()["resources"] == own_values()["resources"]
