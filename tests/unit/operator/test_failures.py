"""What went wrong, from what Kubernetes, Kueue and workers really say."""

from dataclasses import replace

import pytest

from thinksafe_operator import failures
from thinksafe_operator.reasons import Reason
from thinksafe_operator.state import Job, Pod, Workload

JOB = Job("r-train-abc123-1", "uid", "train", 1, 0.0, finished="Failed", reason="BackoffLimitExceeded", message="-")
POD = Pod("r-train-abc123-1-0", "train", 1, 0, "Failed", 0.0, node="gpu-1", terminated="Error", finished_at=5.0)
PENDING = Pod("r-train-abc123-1-0", "train", 1, 0, "Pending", 0.0, node="gpu-1")


def words(code, message="so it was", hint="do this"):
    return {"code": code, "reason": "Any", "message": message, "hint": hint, "stage": "train"}


@pytest.mark.parametrize(
    ("code", "reason", "permanent"),
    [
        (64, "BadUsage", True),
        (65, "BadData", True),
        (69, "DeviceFailed", False),
        (75, "StorageUnavailable", False),
        (77, "AccessDenied", True),
        (78, "BadSettings", True),
        (143, "Disrupted", False),
        (126, "ImageInvalid", False),
        (127, "ImageInvalid", False),
        (1, "WorkerCrashed", False),
        (137, "WorkerCrashed", False),
        (139, "WorkerCrashed", False),
    ],
)
@pytest.mark.parametrize("said", [True, False], ids=["with words", "without words"])
def test_an_exit_code(code, reason, permanent, said):
    problem = failures.of_job(JOB, [replace(POD, exit_code=code, words=words(code) if said else None)])
    assert (problem.reason, problem.permanent, problem.code, problem.node) == (reason, permanent, code, "gpu-1")
    assert "train" in problem.text() and "gpu-1" in problem.text() and len(problem.text()) <= 1024
    if said and reason != "Disrupted":
        assert "so it was" in problem.text() and problem.text().endswith("do this")


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        (replace(POD, exit_code=137, terminated="OOMKilled", words=words(75)), "OutOfMemory"),
        (replace(POD, exit_code=78, words=words(78) | {"reason": "OutOfMemory"}), "OutOfMemory"),
        (replace(POD, exit_code=137, disrupted=True), "Disrupted"),
        (replace(POD, exit_code=1, disrupted=True, words=words(1)), "Disrupted"),
        (replace(POD, exit_code=78, disrupted=True, words=words(78)), "BadSettings"),
        (replace(POD, exit_code=128, terminated="StartError"), "ImageInvalid"),
        (replace(POD, exit_code=None, terminated="UnexpectedAdmissionError"), "DeviceFailed"),
        (replace(POD, exit_code=None, terminated="OutOfcpu"), "PodNotStarted"),
        # A native library crashed while the process left, after the worker had said why it ends.
        (replace(POD, exit_code=139, words=words(77)), "AccessDenied"),
        (replace(POD, exit_code=78, words=words(1)), "BadSettings"),
        (replace(POD, exit_code=1, words={"code": "78"}), "WorkerCrashed"),
        (replace(POD, exit_code=78, words={"code": 78, "message": ["no text"], "hint": 5}), "BadSettings"),
    ],
)
def test_how_a_pod_ended(pod, reason):
    problem = failures.of_job(JOB, [pod])
    assert problem.reason == reason and problem.text()


# The kubelet's words (pkg/kubelet/eviction of 1.36). With these its pod has gone too far, and gets no condition.
OVER_ITS_LIMIT = [
    'Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ',
    'Container worker exceeded its local ephemeral storage limit "1Gi". ',
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
]
NODE_LOW = "The node was low on resource: {}. Threshold quantity: 1Gi, available: 3Mi. "


def evicted(number, message, *, index=0, disrupted=True):
    pod = replace(POD, name=f"{POD.name}-{index}-{number}", index=index, exit_code=137, finished_at=number)
    return replace(pod, evicted=message, disrupted=disrupted)


@pytest.mark.parametrize("message", OVER_ITS_LIMIT)
def test_a_worker_over_the_limit_of_its_disk_is_no_crash(message):
    problem = failures.of_pod(evicted(1, message, disrupted=False))
    assert (problem.reason, problem.permanent, problem.is_free) == ("OutOfDisk", False, False)
    assert "evicted" in problem.text() and message.strip(". ") in problem.text() and "sizeLimit" in problem.text()


def test_a_node_that_is_short_of_something_costs_nothing_and_is_named():
    problem = failures.of_pod(evicted(1, NODE_LOW.format("ephemeral-storage")))
    assert (problem.reason, problem.is_free) == ("Disrupted", True) and "ephemeral-storage" in problem.text()


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (NODE_LOW.format("ephemeral-storage"), "OutOfDisk"),
        (NODE_LOW.format("inodes"), "OutOfDisk"),
        (NODE_LOW.format("memory"), "OutOfMemory"),
        (NODE_LOW.format("pids"), "WorkerCrashed"),
        (OVER_ITS_LIMIT[0], "OutOfDisk"),
    ],
)
def test_a_worker_that_is_evicted_again_and_again_is_told_of(message, reason):
    pods = [evicted(n, message) for n in range(4)]
    problem = failures.evicted_too_often(JOB, pods, allowed=3)
    assert problem and (problem.reason, problem.is_free, problem.permanent) == (reason, False, False)
    assert "4" in problem.message and problem.node == "gpu-1"
    assert failures.evicted_too_often(JOB, pods, allowed=4) is None


def test_evictions_of_several_workers_or_attempts_are_not_added_up():
    message = NODE_LOW.format("memory")
    workers = [evicted(n, message, index=n % 2) for n in range(4)]
    other = [replace(evicted(n, message), attempt=2) for n in range(4)]
    stopped = [replace(POD, disrupted=True, name=str(n)) for n in range(9)]
    assert failures.evicted_too_often(JOB, [*workers, *other, *stopped], allowed=2) is None


def test_a_worker_whose_process_had_too_little_memory_says_what_to_lower_and_is_not_tried_again():
    said = words(78) | {"reason": "OutOfMemory"}
    for terminated in ("Error", "OOMKilled"):  # containerd's word for every container in which a process was killed
        problem = failures.of_pod(replace(POD, exit_code=78, terminated=terminated, words=said))
        assert problem.reason == "OutOfMemory" and problem.permanent
        assert problem.text().endswith("so it was. do this")


def test_the_most_telling_pod_speaks():
    crash = replace(POD, name="a", exit_code=1, finished_at=1.0)
    later = replace(POD, name="b", exit_code=69, finished_at=9.0)
    preempted = replace(POD, name="c", exit_code=143, finished_at=99.0)
    settings = replace(POD, name="d", exit_code=78, finished_at=0.5)
    done = replace(POD, name="e", phase="Succeeded", exit_code=0)
    other = replace(POD, name="f", attempt=2, exit_code=77)
    assert failures.of_job(JOB, [crash, later, preempted, done, other]).reason == "DeviceFailed"
    assert failures.of_job(JOB, [crash, later, preempted, settings]).reason == "BadSettings"
    assert failures.of_job(JOB, [preempted, done]).reason == "Disrupted"


@pytest.mark.parametrize(
    ("message", "reason", "code"),
    [
        ("Container worker for pod ns/p failed with exit code 77 matching FailJob rule", "AccessDenied", 77),
        ("Container worker for pod ns/p failed with exit code 3 matching FailJob rule", "WorkerCrashed", 3),
        ("Job has failed indexes", "WorkerCrashed", None),
        ("", "WorkerCrashed", None),
    ],
)
def test_a_job_whose_pods_are_gone_speaks_for_itself(message, reason, code):
    problem = failures.of_job(replace(JOB, message=message), [])
    assert (problem.reason, problem.code) == (reason, code) and JOB.name in problem.message


RUNNING_JOB = replace(JOB, finished=None)


@pytest.mark.parametrize(
    ("waiting", "message", "reason", "human"),
    [
        ("ErrImagePull", 'failed to pull image "x:1": not found', "ImagePullFailed", True),
        ("ImagePullBackOff", 'Back-off pulling image "x:1"', "ImagePullFailed", True),
        ("ErrImageNeverPull", "not present with pull policy of Never", "ImagePullFailed", True),
        ("InvalidImageName", 'couldn\'t parse image name "X:::"', "ImageInvalid", True),
        ("CreateContainerConfigError", 'secret "s3" not found', "ConfigMissing", True),
        ("CreateContainerConfigError", "couldn't find key k in Secret ns/s3", "ConfigMissing", True),
        ("CreateContainerConfigError", "container has runAsNonRoot and image will run as root", "ImageInvalid", True),
        ("CreateContainerError", "context deadline exceeded", "PodNotStarted", False),
        ("RunContainerError", "failed to create shim", "PodNotStarted", False),
    ],
)
def test_a_pod_that_waits(waiting, message, reason, human):
    pod = replace(PENDING, waiting=waiting, waiting_message=message)
    problem = failures.while_waiting(RUNNING_JOB, [pod], None, ())
    assert problem and (problem.reason, problem.needs_human) == (reason, human)
    assert message.split('"')[0][:20] in problem.text() and not problem.permanent


@pytest.mark.parametrize("waiting", ["ContainerCreating", "PodInitializing", ""])
def test_a_pod_that_only_takes_its_time_is_no_problem(waiting):
    assert failures.while_waiting(RUNNING_JOB, [replace(PENDING, waiting=waiting)], None, ()) is None


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "Unschedulable"),
        ('0/1 nodes are available: persistentvolumeclaim "models" not found.', "ConfigMissing"),
    ],
)
def test_the_schedulers_words_are_repeated(words, reason):
    problem = failures.while_waiting(RUNNING_JOB, [replace(PENDING, unschedulable=words)], None, ())
    assert problem and problem.reason == reason and words.rstrip(".") in problem.text()


FORBIDDEN = 'Error creating: pods "p" is forbidden: '


@pytest.mark.parametrize(
    ("warning", "message", "pending", "reason"),
    [
        ("FailedCreate", FORBIDDEN + "exceeded quota: gpus, requested: nvidia.com/gpu=1", False, "QuotaExceeded"),
        ("FailedCreate", FORBIDDEN + 'violates PodSecurity "restricted:latest"', False, "PodForbidden"),
        ("FailedCreate", FORBIDDEN + "maximum memory usage per Container is 1Gi", False, "PodForbidden"),
        ("FailedCreate", FORBIDDEN + "failed quota: q: must specify limits.cpu for: worker", False, "PodForbidden"),
        ("FailedCreate", FORBIDDEN + 'error looking up service account ns/x: serviceaccount "x" not found', False,
         "ConfigMissing"),
        ("FailedCreate", FORBIDDEN + "no PriorityClass with name high was found", False, "ConfigMissing"),
        ("FailedCreate", 'Error creating: pods "p" is forbidden: pod rejected: RuntimeClass "n" not found', False,
         "ConfigMissing"),
        ("FailedCreate", "Error creating: Internal error occurred: failed calling webhook", False, "PodNotStarted"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "c" : configmap "c" not found', True, "ConfigMissing"),
        ("FailedMount", 'MountVolume.SetUp failed for volume "c" : secret "c" not found', True, "ConfigMissing"),
        ("FailedMount", "Unable to attach or mount volumes: timed out waiting", True, "PodNotStarted"),
        ("FailedCreatePodSandBox", "failed to setup network for sandbox", True, "PodNotStarted"),
        # What was said before the pod was there says nothing now, and the other way round.
        ("FailedCreate", FORBIDDEN + "exceeded quota: gpus", True, None),
        ("FailedMount", 'secret "c" not found', False, None),
        ("Unhealthy", "anything", True, None),
    ],
)  # fmt: skip
def test_a_warning(warning, message, pending, reason):
    pods = [replace(PENDING, waiting="ContainerCreating")] if pending else []
    problem = failures.while_waiting(RUNNING_JOB, pods, None, [(warning, message)])
    assert (problem.reason if problem else None) == reason
    if problem:
        assert message[:40] in problem.text() and len(problem.text()) <= 1024


def test_what_a_human_must_mend_comes_first():
    quota = replace(PENDING, unschedulable="0/1 nodes are available")
    image = replace(PENDING, name="other", waiting="ErrImagePull")
    problem = failures.while_waiting(RUNNING_JOB, [quota, image], None, ())
    assert problem and problem.reason == "ImagePullFailed"


@pytest.mark.parametrize(
    ("workload", "reason", "said"),
    [
        (Workload(False, "Pending", "couldn't assign flavors to pod set main: insufficient quota for nvidia.com/gpu"),
         "QuotaPending", "insufficient quota"),
        (Workload(False, "Inadmissible", "LocalQueue gpus doesn't exist"), "QueueNotFound", "LocalQueue gpus"),
        (Workload(False, "Inadmissible", "ClusterQueue all doesn't exist"), "QueueNotFound", "ClusterQueue all"),
        (Workload(False, "Preempted", "Preempted to accommodate a workload"), "QuotaPending", "Preempted"),
        (Workload(False, "Inadmissible", ""), "QuotaPending", "Inadmissible"),
        (None, "QuotaPending", "not looked at it yet"),
    ],
)  # fmt: skip
def test_why_kueue_lets_it_wait(workload, reason, said):
    problem = failures.while_waiting(replace(RUNNING_JOB, suspended=True), [], workload, [("FailedCreate", "old")])
    assert problem and problem.reason == reason and said in problem.message


@pytest.mark.parametrize(
    ("status", "message", "reason", "permanent"),
    [
        (403, 'jobs.batch "j" is forbidden: exceeded quota: jobs, used: 9', "QuotaExceeded", False),
        (403, 'jobs.batch is forbidden: User "x" cannot create resource "jobs"', "PodForbidden", False),
        (403, "unable to create new content in namespace ns because it is being terminated", "PodNotStarted", False),
        (409, 'jobs.batch "j" already exists', "NameConflict", False),
        (422, 'Job.batch "j" is invalid: spec.template.spec.volumes[0].name: Invalid value', "InvalidSpec", True),
        (400, "Job in version v1 cannot be handled: unknown field", "InvalidSpec", True),
        (413, "Request entity too large", "InvalidSpec", True),
        (400, 'admission webhook "v" denied the request: no', "PodForbidden", False),
        (404, "namespaces ns not found", "PodNotStarted", False),
    ],
)  # fmt: skip
def test_a_refusal(status, message, reason, permanent):
    problem = failures.of_refusal("train", status, message)
    assert (problem.reason, problem.permanent) == (reason, permanent) and message[:30] in problem.text()


def test_a_recorded_problem_is_recalled_as_it_was():
    problem = failures.of_refusal("train", 403, "exceeded quota: jobs")
    again = failures.recalled(problem.reason, problem.text())
    assert again and again.text() == problem.text() and again.reason == problem.reason
    assert failures.recalled("Running", "all is well") is None


def test_no_message_is_longer_than_a_condition_takes():
    long = "ä" * 5000
    image = replace(PENDING, waiting="ErrImagePull", waiting_message=long)
    for problem in (
        failures.of_job(JOB, [replace(POD, exit_code=1, words=words(1, long, long))]),
        failures.of_refusal("train", 403, long),
        failures.while_waiting(RUNNING_JOB, [image], None, ()),
    ):
        assert problem and len(problem.text()) <= 1024
    assert problem.reason is Reason.IMAGE_PULL_FAILED
