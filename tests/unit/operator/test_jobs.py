"""What each field of a run does to the Jobs that are made of it."""

import pytest
from unit.operator import specs
from unit.operator.made import env, job, pod, worker

from thinksafe.errors import SettingsError
from thinksafe_operator import names
from thinksafe_operator.jobs import children
from thinksafe_operator.state import Attempt

GPU = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}


def test_objects_come_in_the_order_in_which_they_are_needed():
    alone = children(specs.run(), Attempt("train", 1), specs.SETTINGS)
    assert [o["kind"] for o in alone] == ["ConfigMap", "Job"]
    gang = children(specs.run(stages={"train": {"replicas": 2}}), Attempt("train", 1), specs.SETTINGS)
    assert [o["kind"] for o in gang] == ["ConfigMap", "Service", "Job"]
    many = children(specs.run(stages={"generate": {"replicas": 2}}), Attempt("generate", 1), specs.SETTINGS)
    assert [o["kind"] for o in many] == ["ConfigMap", "Job"]


def test_attempts_differ_in_name_and_label_only_and_share_the_manifest():
    first, second = (children(specs.run(), Attempt("train", n), specs.SETTINGS) for n in (1, 2))
    assert first[0] == second[0]
    assert first[1]["metadata"]["name"] != second[1]["metadata"]["name"]
    assert first[1]["metadata"]["labels"][names.LABEL_ATTEMPT] == "1"
    assert second[1]["metadata"]["labels"][names.LABEL_ATTEMPT] == "2"


@pytest.mark.parametrize("stage", specs.STAGES)
def test_the_worker_is_told_its_stage_and_its_store(stage):
    assert worker(stage)["args"] == [
        "worker", stage, "/etc/thinksafe/run.yaml", "--uid", specs.run().uid, "--store", "s3://bucket/runs",
    ]  # fmt: skip
    assert "command" not in worker(stage)  # the image's entrypoint
    assert worker(stage)["image"] == specs.SETTINGS.worker_image


def test_kubelet_expands_nothing_in_a_store():
    assert worker(storage={"uri": "s3://bucket/$(HOME)"})["args"][-1] == "s3://bucket/$$(HOME)"


def test_every_worker_may_be_lost_once_in_a_while():
    made = job(stages={"generate": {"replicas": 8, "podRetries": 5}})["spec"]
    assert (made["completions"], made["parallelism"], made["completionMode"]) == (8, 8, "Indexed")
    assert made["backoffLimitPerIndex"] == 5
    assert made["podReplacementPolicy"] == "Failed"
    assert not {"backoffLimit", "suspend", "ttlSecondsAfterFinished", "activeDeadlineSeconds"} & made.keys()


@pytest.mark.parametrize(
    ("stage", "replicas", "lost"),
    [("generate", 1, 0), ("generate", 2, 0), ("filter", 3, 1), ("generate", 8, 3), ("train", 8, 0)],
)
def test_fewer_than_half_of_the_workers_may_be_lost(stage, replicas, lost):
    assert job(stage, stages={stage: {"replicas": replicas}})["spec"]["maxFailedIndexes"] == lost


def _action(rules: list[dict], code: int, *, disrupted: bool = False, container: str = "worker") -> str:
    """What Kubernetes does about a failed pod: the first rule that matches, else it is counted."""
    for rule in rules:
        conditions = [c["type"] for c in rule.get("onPodConditions", []) if c["status"] == "True"]
        exits = rule.get("onExitCodes", {})
        if disrupted and "DisruptionTarget" in conditions:
            return rule["action"]
        if exits and exits["containerName"] == container and exits["operator"] == "In" and code in exits["values"]:
            return rule["action"]
    return "Count"


@pytest.mark.parametrize(
    ("code", "action"),
    [(1, "Count"), (64, "FailJob"), (65, "FailIndex"), (69, "Count"), (75, "Count"), (77, "FailJob"),
     (78, "FailJob"), (137, "Count"), (139, "Count"), (143, "Count")],
)  # fmt: skip
def test_exit_codes(code, action):
    rules = job()["spec"]["podFailurePolicy"]["rules"]
    assert _action(rules, code) == action
    assert _action(rules, code, disrupted=True) == "Ignore"
    assert _action(rules, code, container="sidecar") == "Count"


@pytest.mark.parametrize(("stage", "seconds"), [("train", 300), ("generate-2", 60), ("evaluate", 60), ("report", 30)])
def test_time_to_leave(stage, seconds):
    assert pod(stage)["terminationGracePeriodSeconds"] == seconds


class TestSeveralPodsTraining:
    def test_they_find_the_first_by_name(self):
        objects = children(specs.run(stages={"train": {"replicas": 2}}), Attempt("train", 3), specs.SETTINGS)
        service, made = objects[1], objects[2]
        name = made["metadata"]["name"]
        variables = env("train", stages={"train": {"replicas": 2}}) | {"MASTER_ADDR": _address(made)}
        assert variables["MASTER_ADDR"] == f"{name}-0.{service['metadata']['name']}"
        assert (variables["MASTER_PORT"], variables["THINKSAFE_WORKERS"]) == ("29500", "2")
        assert service["spec"]["clusterIP"] == "None"
        assert service["spec"]["publishNotReadyAddresses"] is True
        assert service["spec"]["selector"] == {"batch.kubernetes.io/job-name": name}
        assert made["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]

    def test_a_service_name_starts_with_a_letter_as_it_must(self):
        objects = children(specs.run("7b", stages={"train": {"replicas": 2}}), Attempt("train", 1), specs.SETTINGS)
        service, made = objects[1], objects[2]
        assert service["metadata"]["name"][0].isalpha()
        assert made["spec"]["template"]["spec"]["subdomain"] == service["metadata"]["name"]
        assert _address(made) == f"{made['metadata']['name']}-0.{service['metadata']['name']}"

    def test_one_pod_needs_none_of_it(self):
        assert "MASTER_ADDR" not in env("train")
        assert "subdomain" not in pod("train")


def _address(made: dict) -> str:
    [container] = made["spec"]["template"]["spec"]["containers"]
    return next(e["value"] for e in container["env"] if e["name"] == "MASTER_ADDR")


def test_the_queue_is_on_the_job_alone():
    made = job(queueName="gpu-queue")
    assert made["metadata"]["labels"][names.LABEL_QUEUE] == "gpu-queue"
    assert names.LABEL_QUEUE not in made["spec"]["template"]["metadata"]["labels"]
    assert names.LABEL_QUEUE not in job()["metadata"]["labels"]


def test_an_invalid_spec_is_one_line_that_names_the_run_and_the_field():
    with pytest.raises(SettingsError) as error:
        job(stages={"generate": {"replicas": 0}})
    assert "alignment/qwen3: spec.stages.generate.replicas" in error.value.line()
    assert "\n" not in error.value.line()
