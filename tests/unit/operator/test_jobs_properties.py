"""What holds for the Jobs of every valid run."""

import copy
import re

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.operator import specs

from thinksafe import manifest
from thinksafe_operator import names
from thinksafe_operator.jobs import children
from thinksafe_operator.state import Attempt, Run

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
attempts = st.builds(
    Attempt,
    stage=st.sampled_from([*specs.STAGES, "generate-9", "filter-9"]),
    attempt=st.integers(1, 99_999),
    avoid=st.lists(st.sampled_from(["n1", "n2"]), max_size=2).map(tuple),
)


def for_every_attempt(test):
    return settings(deadline=None)(given(specs.runs(), attempts)(test))


def of_kind(objects: list[dict], kind: str) -> list[dict]:
    return [o for o in objects if o["kind"] == kind]


@for_every_attempt
def test_children_are_a_function_of_their_arguments(run: Run, attempt: Attempt):
    before = copy.deepcopy(run)
    first = children(run, attempt, specs.SETTINGS)
    assert children(copy.deepcopy(run), attempt, specs.SETTINGS) == first
    assert run == before
    stopped = copy.deepcopy(run)
    stopped.spec.update(suspend=True, ttlSecondsAfterFinished=5, activeDeadlineSeconds=7)
    assert children(stopped, attempt, specs.SETTINGS) == first  # what may change changes nothing that is made once


@for_every_attempt
def test_names_fit(run: Run, attempt: Attempt):
    objects = children(run, attempt, specs.SETTINGS)
    for o in objects:
        assert LABEL.fullmatch(o["metadata"]["name"])
    [job] = of_kind(objects, "Job")
    last = job["spec"]["completions"] - 1
    assert LABEL.fullmatch(f"{job['metadata']['name']}-{last}"), "the host name of the last pod"
    for service in of_kind(objects, "Service"):
        assert service["metadata"]["name"][0].isalpha()
    for value in [v for o in objects for v in o["metadata"]["labels"].values()]:
        assert len(value) <= 63


@for_every_attempt
def test_no_spec_takes_safety_away(run: Run, attempt: Attempt):
    [job] = of_kind(children(run, attempt, specs.SETTINGS), "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    security = pod["securityContext"]
    assert security["runAsNonRoot"] is True and security["runAsUser"] > 0 and security["fsGroup"] > 0
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    [worker] = pod["containers"]
    assert worker["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert worker["terminationMessagePath"] == "/dev/termination-log"
    assert {"/scratch", "/tmp", "/dev/shm", "/etc/thinksafe"} <= {m["mountPath"] for m in worker["volumeMounts"]}


@for_every_attempt
def test_no_name_stands_twice(run: Run, attempt: Attempt):
    [job] = of_kind(children(run, attempt, specs.SETTINGS), "Job")
    pod = job["spec"]["template"]["spec"]
    [worker] = pod["containers"]
    for things, key in (
        (pod["volumes"], "name"), (worker["env"], "name"), (worker["volumeMounts"], "mountPath"),
        (pod.get("imagePullSecrets", []), "name"), (pod.get("resourceClaims", []), "name"),
    ):  # fmt: skip
        found = [t[key] for t in things]
        assert len(found) == len(set(found)), key
    for variable in worker["env"]:
        assert not ("value" in variable and "valueFrom" in variable)
    for volume in pod["volumes"]:
        assert len(volume) == 2, "a name and one source"


@for_every_attempt
def test_workers_read_the_spec_that_was_applied(run: Run, attempt: Attempt):
    [config] = of_kind(children(run, attempt, specs.SETTINGS), "ConfigMap")
    assert config["immutable"] is True
    written = manifest.parse(yaml.safe_load(config["data"]["run.yaml"]), where="run.yaml")
    assert (written.metadata.name, written.metadata.namespace) == (run.name, run.namespace)
    fixed = {f: v for f, v in run.spec.items() if f not in ("suspend", "ttlSecondsAfterFinished")}
    document = {"apiVersion": written.api_version, "kind": written.kind, "metadata": {"name": run.name}, "spec": fixed}
    assert written.spec == manifest.parse(document, where="applied").spec


@for_every_attempt
def test_everything_belongs_to_the_run(run: Run, attempt: Attempt):
    objects = children(run, attempt, specs.SETTINGS)
    for o in objects:
        [owner] = o["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == (run.uid, True, False)
        assert o["metadata"]["labels"][names.LABEL_RUN_UID] == run.uid
    [job] = of_kind(objects, "Job")
    pod_labels = job["spec"]["template"]["metadata"]["labels"]
    assert pod_labels[names.LABEL_STAGE] == attempt.stage
    assert pod_labels[names.LABEL_ATTEMPT] == str(attempt.attempt)
    assert names.LABEL_QUEUE not in pod_labels  # Kueue would take each pod for a workload of its own
