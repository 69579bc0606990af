import pytest

from thinksafe.errors import SettingsError
from thinksafe.pods import PodSettings
from thinksafe_operator.accelerators import is_accelerator, processes, without_accelerators


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb", "rdma/hca"])
def test_devices_are_accelerators(resource):
    assert is_accelerator(resource)


@pytest.mark.parametrize("resource", ["cpu", "memory", "hugepages-2Mi", "ephemeral-storage", "kubernetes.io/x"])
def test_what_every_node_has_is_none(resource):
    assert not is_accelerator(resource)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 1),
        ({"cpu": "16"}, 1),
        ({"nvidia.com/gpu": "8"}, 8),
        ({"amd.com/gpu": 4}, 4),
        ({"example.com/gpu": "2", "rdma/hca": "5"}, 2),
        ({"nvidia.com/mig-1g.10gb": "3"}, 1),
        ({"nvidia.com/gpu": "0"}, 1),
    ],
)
def test_one_process_a_gpu(limits, expected):
    assert processes({"resources": {"limits": limits}}) == expected


def test_requests_alone_are_no_gpus():
    assert processes({"resources": {"requests": {"nvidia.com/gpu": "8"}}}) == 1


def test_part_of_a_gpu_is_an_error():
    with pytest.raises(SettingsError, match=r"nvidia\.com/gpu: '1500m' is not a whole number"):
        processes({"resources": {"limits": {"nvidia.com/gpu": "1500m"}}})


def test_defaults_lose_every_accelerator_and_nothing_else():
    workers = PodSettings.model_validate({
        "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "8Gi"}, "requests": {"amd.com/gpu": 1, "cpu": 2}},
        "resourceClaims": [{"name": "gpu", "resourceClaimName": "one"}],
        "nodeSelector": {"pool": "gpu"},
        "podTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {
            "resourceClaims": [{"name": "x"}], "hostUsers": False,
            "containers": [{"name": "worker", "resources": {"limits": {"nvidia.com/gpu": 1, "cpu": 1}, "claims": []}}],
        }},
    })  # fmt: skip
    plain = without_accelerators(workers)
    assert plain.model_dump(by_alias=True, exclude_none=True, exclude_unset=True) == {
        "resources": {"limits": {"memory": "8Gi"}, "requests": {"cpu": "2"}},
        "nodeSelector": {"pool": "gpu"},
        "podTemplate": {"metadata": {"labels": {"a": "b"}}, "spec": {
            "hostUsers": False, "containers": [{"name": "worker", "resources": {"limits": {"cpu": 1}}}],
        }},
    }  # fmt: skip
    assert workers.resources is not None and workers.resources.limits["nvidia.com/gpu"] == "1"
