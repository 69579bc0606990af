"""What each field of a run does to the pods that are made of it."""

import pytest
from unit.operator import specs
from unit.operator.made import env, job, mounted, pod, worker

from thinksafe.errors import SettingsError
from thinksafe.spec import Storage
from thinksafe_operator import names
from thinksafe_operator.settings import Settings

GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}


def test_own_fields_reach_the_pod():
    made = pod(stages={"generate": {
        "image": "own:1", "nodeSelector": {"pool": "a100"}, "serviceAccountName": "s3-reader",
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}], "runtimeClassName": "nvidia",
        "priorityClassName": "high", "schedulerName": "other", "imagePullSecrets": [{"name": "pull"}],
        "env": [{"name": "OMP_NUM_THREADS", "value": "1"}], "envFrom": [{"secretRef": {"name": "keys"}}],
        "volumes": [{"name": "ca", "configMap": {"name": "ca"}}],
        "volumeMounts": [{"name": "ca", "mountPath": "/ca", "readOnly": True}],
        "resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"cpu": "4"}},
    }})  # fmt: skip
    [made_worker] = made["containers"]
    assert made_worker["image"] == "own:1"
    assert made["nodeSelector"] == {"pool": "a100"}
    assert made["serviceAccountName"] == "s3-reader"
    assert made["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert (made["runtimeClassName"], made["priorityClassName"], made["schedulerName"]) == ("nvidia", "high", "other")
    assert made["imagePullSecrets"] == [{"name": "pull"}]
    assert {"name": "OMP_NUM_THREADS", "value": "1"} in made_worker["env"]
    assert made_worker["envFrom"] == [{"secretRef": {"name": "keys"}}]
    assert {"name": "ca", "configMap": {"name": "ca"}} in made["volumes"]
    assert {"name": "ca", "mountPath": "/ca", "readOnly": True} in made_worker["volumeMounts"]
    assert made_worker["resources"] == {"limits": {"nvidia.com/gpu": "2"}, "requests": {"cpu": "4"}}


def test_a_claimed_device_is_claimed_by_the_pod_and_used_by_the_worker():
    claim = {"name": "gpu", "resourceClaimTemplateName": "h100", "request": "big"}
    made = pod(stages={"generate": {"resourceClaims": [claim]}})
    assert made["resourceClaims"] == [{"name": "gpu", "resourceClaimTemplateName": "h100"}]
    assert made["containers"][0]["resources"]["claims"] == [{"name": "gpu", "request": "big"}]


def test_a_rung_has_the_settings_of_its_stage():
    fields = {"stages": {"generate": {"replicas": 3, **GPU}}}
    assert job("generate-2", **fields)["spec"]["completions"] == 3
    assert worker("generate-2", **fields)["resources"] == {"limits": {"nvidia.com/gpu": "1"}, "requests": {}}


def test_an_own_variable_takes_the_place_of_ours():
    own = {"env": [{"name": "HF_HOME", "value": "/data/hf"}]}
    assert env(workers=own)["HF_HOME"] == "/data/hf"
    assert env(workers=own, modelCache={"hostPath": "/srv/m"})["HF_HOME"] == "/data/hf"


def test_the_worker_knows_its_image_whatever_it_is_told():
    """What it makes says so, down to the statement of a released adapter."""
    own = {"image": "registry/worker@sha256:1", "env": [{"name": "THINKSAFE_IMAGE", "value": "another"}]}
    elsewhere = {"name": "THINKSAFE_IMAGE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert env()["THINKSAFE_IMAGE"] == worker()["image"]
    assert env(workers=own)["THINKSAFE_IMAGE"] == "registry/worker@sha256:1"
    (said,) = (e for e in worker(workers={"env": [elsewhere]})["env"] if e["name"] == "THINKSAFE_IMAGE")
    assert said == {"name": "THINKSAFE_IMAGE", "value": worker()["image"]}


def test_an_own_volume_takes_the_place_of_ours():
    disk = {"name": "scratch", "persistentVolumeClaim": {"claimName": "disk"}}
    assert mounted("/scratch", workers={"volumes": [disk]}) == {"persistentVolumeClaim": {"claimName": "disk"}}


@pytest.mark.parametrize(
    ("cache", "mount"),
    [
        ({"persistentVolumeClaim": "models"}, {"persistentVolumeClaim": {"claimName": "models"}}),
        ({"hostPath": "/srv/m"}, {"hostPath": {"path": "/srv/m", "type": "Directory"}, "readOnly": True}),
        ({"image": "models:1"}, {"image": {"reference": "models:1"}, "readOnly": True}),
    ],
    ids=["claim", "path", "image"],
)
def test_model_cache(cache, mount):
    assert mounted("/models", modelCache=cache) == mount
    assert env(modelCache=cache)["HF_HOME"] == "/models/huggingface"


def test_without_a_cache_models_are_fetched_into_scratch():
    assert env()["HF_HOME"] == "/scratch/huggingface"
    assert "/models" not in [m["mountPath"] for m in worker()["volumeMounts"]]


def test_shared_memory():
    assert mounted("/dev/shm") == {"emptyDir": {"medium": "Memory"}}
    limited = {"emptyDir": {"medium": "Memory", "sizeLimit": "8Gi"}}
    assert mounted("/dev/shm", workers={"sharedMemory": "8Gi"}) == limited


class TestStorage:
    OPERATORS = Settings(worker_image="w", storage=Storage(uri="s3://shared/all", endpoint="http://s3:7070",
                         region="here", credentials_secret="s3"))  # fmt: skip

    def test_credentials_are_named_not_read(self):
        variables = env(storage={"uri": "s3://b", "credentialsSecret": "mine"})
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            assert variables[key] == {"secretKeyRef": {"name": "mine", "key": key}}  # a missing one: no start
        assert variables["AWS_SESSION_TOKEN"]["secretKeyRef"]["optional"] is True

    def test_without_a_secret_the_client_looks_itself(self):
        assert not [v for v in env(storage={"uri": "s3://b"}) if v.startswith("AWS_")]

    def test_endpoint_and_region(self):
        variables = env(storage={"uri": "s3://b", "endpoint": "http://s3:1", "region": "x"})
        assert (variables["AWS_ENDPOINT_URL_S3"], variables["AWS_REGION"]) == ("http://s3:1", "x")

    def test_the_operators_holds_for_a_run_without(self):
        variables = env(settings=self.OPERATORS, storage=None)
        assert worker(settings=self.OPERATORS, storage=None)["args"][-1] == "s3://shared/all"
        assert variables["AWS_ENDPOINT_URL_S3"] == "http://s3:7070"
        assert variables["AWS_ACCESS_KEY_ID"]["secretKeyRef"]["name"] == "s3"

    def test_a_runs_own_takes_no_part_of_the_operators(self):
        variables = env(settings=self.OPERATORS, storage={"uri": "s3://mine"})
        assert not [v for v in variables if v.startswith("AWS_")]

    def test_each_namespace_has_a_place_of_its_own_in_the_operators(self):
        settings = Settings(worker_image="w", storage=Storage(uri="s3://shared/{namespace}/of-{namespace}"))
        assert worker(settings=settings, storage=None)["args"][-1] == "s3://shared/alignment/of-alignment"
        own = {"uri": "s3://shared/{namespace}"}  # a run's own place is taken as it stands there
        assert worker(settings=settings, storage=own)["args"][-1] == "s3://shared/{namespace}"

    def test_neither_is_an_error(self):
        with pytest.raises(SettingsError, match=r"spec\.storage is not set"):
            job(storage=None)


class TestAccelerators:
    @pytest.mark.parametrize("stage", ["prepare", "report"])
    def test_defaults_give_none_to_who_cannot_use_it(self, stage):
        defaults = GPU | {"resourceClaims": [{"name": "gpu", "resourceClaimName": "one"}]}
        assert worker(stage, workers=defaults)["resources"] == {"limits": {}, "requests": {}}
        assert "resourceClaims" not in pod(stage, workers=defaults)
        template = {"podTemplate": {"spec": {"containers": [{"name": "worker", **GPU}]}}}
        assert worker(stage, workers=template)["resources"] == {"limits": {}}

    @pytest.mark.parametrize("stage", ["generate", "filter-2", "train", "evaluate"])
    def test_defaults_reach_all_others(self, stage):
        assert worker(stage, workers=GPU)["resources"]["limits"] == {"nvidia.com/gpu": "1"}

    @pytest.mark.parametrize("stage", ["prepare", "report"])
    def test_who_asks_himself_gets_it(self, stage):
        assert worker(stage, workers=GPU, stages={stage: GPU})["resources"]["limits"] == {"nvidia.com/gpu": "1"}

    def test_a_process_a_gpu_in_training_only(self):
        two = {"resources": {"limits": {"nvidia.com/gpu": 2}}}
        assert env("train", stages={"train": two})["THINKSAFE_PROCESSES"] == "2"
        assert env("train")["THINKSAFE_PROCESSES"] == "1"
        assert "THINKSAFE_PROCESSES" not in env("generate", stages={"generate": two})

    def test_gpus_of_a_pod_template_count(self):
        template = {"spec": {"containers": [{"name": "worker", "resources": {"limits": {"amd.com/gpu": 4}}}]}}
        assert env("train", stages={"train": {"podTemplate": template}})["THINKSAFE_PROCESSES"] == "4"

    def test_an_own_number_of_processes_wins(self):
        own = {"env": [{"name": "THINKSAFE_PROCESSES", "value": "1"}], "resources": {"limits": {"nvidia.com/gpu": 8}}}
        assert env("train", stages={"train": own})["THINKSAFE_PROCESSES"] == "1"


class TestAvoidedNodes:
    FIELD = "preferredDuringSchedulingIgnoredDuringExecution"

    def terms(self, **arguments) -> list[dict]:
        return pod(**arguments)["affinity"]["nodeAffinity"][self.FIELD]

    def test_they_are_avoided_where_others_are(self):
        [term] = self.terms(avoid=("n2", "n1", "n2"))
        assert term["preference"]["matchFields"] == [
            {"key": "metadata.name", "operator": "NotIn", "values": ["n1"]},
            {"key": "metadata.name", "operator": "NotIn", "values": ["n2"]},
        ]

    def test_own_affinities_stay(self):
        zone = {"weight": 1, "preference": {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}}
        required = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "gpu", "operator": "Exists"}]}]}
        own = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required, self.FIELD: [zone]}}
        template = {"podTemplate": {"spec": {"affinity": own}}}
        made = pod(workers=template, avoid=("n1",))["affinity"]["nodeAffinity"]
        assert made["requiredDuringSchedulingIgnoredDuringExecution"] == required
        assert len(made[self.FIELD]) == 2 and made[self.FIELD][0] == zone

    def test_nothing_to_avoid(self):
        assert "affinity" not in pod()


class TestPodTemplate:
    def test_it_is_merged_last(self):
        template = {"metadata": {"labels": {"team": "red"}, "annotations": {"a": "b"}}, "spec": {
            "terminationGracePeriodSeconds": 5, "nodeSelector": {"zone": "a"},
            "securityContext": {"runAsUser": None, "fsGroup": None},
            "containers": [
                {"name": "worker", "securityContext": {"readOnlyRootFilesystem": False}},
                {"name": "sidecar", "image": "s"},
            ],
        }}  # fmt: skip
        fields = {"workers": {"nodeSelector": {"pool": "p"}}, "stages": {"generate": {"podTemplate": template}}}
        made = job(**fields)["spec"]["template"]
        assert made["metadata"]["labels"]["team"] == "red"
        assert made["metadata"]["annotations"] == {"a": "b"}
        assert made["spec"]["terminationGracePeriodSeconds"] == 5
        assert made["spec"]["nodeSelector"] == {"pool": "p", "zone": "a"}
        security = made["spec"]["securityContext"]
        assert "runAsUser" not in security and "fsGroup" not in security and security["runAsNonRoot"] is True
        first, second = made["spec"]["containers"]
        assert first["securityContext"]["readOnlyRootFilesystem"] is False
        assert first["securityContext"]["allowPrivilegeEscalation"] is False
        assert second == {"name": "sidecar", "image": "s"}

    def test_it_can_leave_the_user_to_the_cluster(self):
        security = {"$patch": "replace", "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        made = pod(workers={"podTemplate": {"spec": {"securityContext": security}}})
        assert made["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}

    def test_a_stages_own_lies_over_the_defaults(self):
        fields = {
            "workers": {"podTemplate": {"spec": {"hostAliases": [], "priority": 1, "dnsPolicy": "None"}}},
            "stages": {"generate": {"podTemplate": {"spec": {"priority": 2, "dnsPolicy": None}}}},
        }
        made = pod(**fields)
        assert (made["priority"], made["hostAliases"]) == (2, []) and "dnsPolicy" not in made
        assert pod("filter", **fields)["priority"] == 1

    def test_it_cannot_hide_a_pod_from_its_run(self):
        template = {"podTemplate": {"metadata": {"labels": {names.LABEL_RUN_UID: "other", names.LABEL_STAGE: "x"}}}}
        made = job(workers=template)["spec"]["template"]["metadata"]["labels"]
        assert made[names.LABEL_RUN_UID] == specs.run().uid
        assert made[names.LABEL_STAGE] == "generate"

    @pytest.mark.parametrize("pod_spec", [{"containers": None}, {"containers": "worker"}])
    def test_it_cannot_take_the_worker_away(self, pod_spec):
        with pytest.raises(SettingsError, match="no container named 'worker'"):
            job(workers={"podTemplate": {"spec": pod_spec}})


def test_what_an_administrator_sets():
    settings = Settings(worker_image="w:2", worker_image_pull_policy="Never", worker_service_account="plain")
    assert worker(settings=settings)["image"] == "w:2"
    assert worker(settings=settings)["imagePullPolicy"] == "Never"
    assert pod(settings=settings)["serviceAccountName"] == "plain"
    assert pod(settings=settings, workers={"serviceAccountName": "own"})["serviceAccountName"] == "own"
    assert "imagePullPolicy" not in worker() and "serviceAccountName" not in pod()


def test_where_the_cluster_chooses_the_user_the_pod_says_none():
    settings = Settings(worker_image="w", worker_fixed_user=False)
    assert pod()["securityContext"]["runAsUser"] == 65532
    assert pod(settings=settings)["securityContext"] == {
        "runAsNonRoot": True,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert not {"runAsUser", "runAsGroup"} & set(worker(settings=settings)["securityContext"])
