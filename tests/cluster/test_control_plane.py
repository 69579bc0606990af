"""The tests' own control plane: what other tests take for granted."""

import pytest

from cluster.control_plane import ControlPlane


@pytest.fixture
def plane(control_plane) -> ControlPlane:
    if control_plane.plane is None:
        pytest.skip("it is not ours to restart")
    return control_plane.plane


@pytest.mark.timeout(1800)
def test_its_data_outlives_a_crash_of_each_part(control_plane, plane: ControlPlane) -> None:
    control_plane.kubectl("create", "configmap", "kept", "--from-literal=a=1")
    plane.restart_etcd()
    plane.restart_apiserver()
    assert control_plane.kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}") == "1"


def test_nobody_gets_in_without_a_token(plane: ControlPlane) -> None:
    plane.pki.tokens["stranger"] = "0" * 32
    stranger = plane.pki.kubeconfig("stranger", plane.server)
    with pytest.raises(RuntimeError, match=r"Unauthorized|must be logged in"):
        plane.kubectl(f"--kubeconfig={stranger}", "get", "namespaces")


def test_rbac_holds(plane: ControlPlane) -> None:
    """The scheduler may see pods and may not see secrets."""
    scheduler = f"--kubeconfig={plane.pki.path('kube-scheduler.kubeconfig')}"
    assert plane.kubectl(scheduler, "get", "pods") == ""
    with pytest.raises(RuntimeError, match="forbidden"):
        plane.kubectl(scheduler, "get", "secrets")
