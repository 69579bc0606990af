"""The images do what pods ask of them: any user, a read-only root, exit codes, the store, names, the API."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cluster.access import ClusterAccess
from e2e import jobs

import thinksafe

pytestmark = pytest.mark.timeout(2400)  # the first test may have to build everything
TINY = Path(thinksafe.__file__).parents[1] / "examples" / "tiny" / "run.yaml"


@pytest.fixture(scope="module")
def where(cluster: ClusterAccess) -> str:
    return jobs.namespace(cluster)


@pytest.fixture
def python(cluster: ClusterAccess, where: str) -> Callable[..., str]:
    """Runs a line of Python in a pod of an image and gives what it printed."""

    def run(image: str, name: str, line: str, **spec) -> str:
        pod = jobs.pod_spec(image, ["-c", line], command=["python"], **spec)
        jobs.create(cluster, jobs.job(name, where, pod))
        ended = jobs.finished(cluster, where, name)
        printed = cluster.kubectl("-n", where, "logs", f"job/{name}")
        assert ended[0] == "Complete", printed
        return printed

    return run


def test_every_index_runs_the_version_of_this_clone(cluster: ClusterAccess, where: str) -> None:
    pod = jobs.pod_spec(cluster.worker_image, ["version"])
    jobs.create(cluster, jobs.job("version", where, pod, completions=2))
    assert jobs.finished(cluster, where, "version")[0] == "Complete"
    seen = {
        found["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: cluster.kubectl(
            "-n", where, "logs", found["metadata"]["name"]
        ).strip()
        for found in jobs.pods(cluster, where, "version")
    }
    assert seen == {"0": thinksafe.__version__, "1": thinksafe.__version__}


def test_a_stage_writes_its_artifacts_to_s3(cluster: ClusterAccess, where: str) -> None:
    """`prepare` of the tiny world, as a user that no image knows."""
    bucket = f"b-{where}"
    cluster.s3().create_bucket(Bucket=bucket)
    pod = _stage(cluster, "prepare", f"s3://{bucket}/store")
    pod["securityContext"] |= {"runAsUser": 12345, "runAsGroup": 54321}
    jobs.create(cluster, _manifest(where, yaml.safe_load(TINY.read_text())), jobs.job("prepare", where, pod))
    ended, _ = jobs.finished(cluster, where, "prepare")
    (found,) = jobs.pods(cluster, where, "prepare")
    words = json.loads(jobs.last_words(found))
    assert (ended, words["code"], words["stage"]) == ("Complete", 0, "prepare"), words
    assert {"prompts", "problems"} <= set(words["artifacts"])
    keys = [o["Key"] for o in cluster.s3().list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith(f"{words['artifacts']['prompts']}/manifest.json") for key in keys), keys


def test_a_wrong_manifest_fails_the_job_at_once(cluster: ClusterAccess, where: str) -> None:
    """The exit code reaches the Job: no second pod, and the reason is the policy's."""
    manifest = yaml.safe_load(TINY.read_text())
    manifest["spec"]["guard"]["family"] = "no-such-family"
    jobs.create(cluster, _manifest(where, manifest, name="wrong"))
    pod = _stage(cluster, "prepare", "s3://nowhere/store", config="wrong")
    jobs.create(cluster, jobs.job("wrong", where, pod))
    assert jobs.finished(cluster, where, "wrong") == ("Failed", "PodFailurePolicy")
    assert len(jobs.pods(cluster, where, "wrong")) == 1


def test_heavy_libraries_are_there_and_compiled(cluster: ClusterAccess, python) -> None:
    line = "import os, torch, vllm, transformers, peft; print(os.path.exists(vllm.__cached__))"
    assert python(cluster.worker_image, "libraries", line).strip().endswith("True")


def test_pods_of_a_job_find_each_other_by_name(cluster: ClusterAccess, where: str, python) -> None:
    """As the first process of a training over several pods is found."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "names", "namespace": where},
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"job-name": "names"}},
    }
    jobs.create(cluster, service)
    line = (
        "import socket, time\n"
        "for _ in range(100):\n"
        "  try: print(socket.gethostbyname('names-0.names') == socket.gethostbyname(socket.gethostname())); break\n"
        "  except OSError: time.sleep(0.3)"
    )
    assert python(cluster.operator_image, "names", line, subdomain="names").strip() == "True"


def test_gpus_are_handed_out_and_run_out(cluster: ClusterAccess, where: str) -> None:
    for name, gpus in (("few", 1), ("many", 1000)):
        pod = jobs.pod_spec(cluster.operator_image, ["-c", "pass"], command=["python"])
        pod["containers"][0]["resources"] = {"limits": {"nvidia.com/gpu": gpus}}
        jobs.create(cluster, jobs.job(name, where, pod))
    assert jobs.finished(cluster, where, "few")[0] == "Complete"
    (waiting,) = jobs.pods(cluster, where, "many")
    assert "Insufficient nvidia.com/gpu" in json.dumps(waiting["status"]["conditions"])


def test_the_operator_s_image_reaches_the_api_with_its_account(cluster: ClusterAccess, where: str, python) -> None:
    line = (
        "from kubernetes import client, config\n"
        "config.load_incluster_config()\n"
        "try: client.CoreV1Api().list_namespace()\n"
        "except client.ApiException as e: print(e.status)"
    )
    printed = python(cluster.operator_image, "api", line, automountServiceAccountToken=True)
    assert printed.strip() == "403"  # known, and without rights


def test_the_operator_s_image_is_light(cluster: ClusterAccess, python) -> None:
    line = (
        "import importlib.util as u, thinksafe.spec, thinksafe.plan, kopf\n"
        "print([m for m in ('torch', 'vllm', 'transformers', 'pyarrow', 'boto3') if u.find_spec(m)])"
    )
    assert python(cluster.operator_image, "light", line).strip() == "[]"


def _manifest(where: str, document: dict, name: str = "run") -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": where},
        "data": {"run.yaml": yaml.safe_dump(document)},
    }


def _stage(cluster: ClusterAccess, stage: str, store: str, config: str = "run") -> dict:
    pod = jobs.pod_spec(
        cluster.worker_image, shlex.split(f"worker {stage} /etc/thinksafe/run.yaml --uid 1-2-3 --store {store}")
    )
    (container,) = pod["containers"]
    values = {
        "AWS_ENDPOINT_URL_S3": cluster.s3_endpoint,
        "AWS_REGION": cluster.region,
        "AWS_ACCESS_KEY_ID": cluster.access_key,
        "AWS_SECRET_ACCESS_KEY": cluster.secret_key,
    }
    container["env"] += [{"name": name, "value": value} for name, value in values.items()]
    container["volumeMounts"].append({"name": "run", "mountPath": "/etc/thinksafe"})
    pod["volumes"].append({"name": "run", "configMap": {"name": config}})
    return pod
