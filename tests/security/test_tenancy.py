"""A run names only what its namespace was given: judged by the chart's policy at a real API server."""

import json

import pytest
from api.runs import SMALLEST, Experiments, Refused, Runs, experiment, manifest

from security.given import GIVEN, LONGEST
from thinksafe.pods import Stages
from thinksafe_operator.experiments import objects
from thinksafe_operator.experiments.decide import parsed_of
from thinksafe_operator.experiments.state import Start
from thinksafe_operator.parse import parse_run

STAGES = [f.alias or name for name, f in Stages.model_fields.items()]
KEY = {"secretKeyRef": {"name": "theirs", "key": "k"}}
PROJECTED = {"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "theirs"}}]}}
TOKEN = {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}
# Where a Secret can be named in the settings of a part, with the field that the message must name.
SECRETS = {
    "env": ({"env": [{"name": "PLAIN", "value": "1"}, {"name": "A", "valueFrom": KEY}]}, ".env (A)"),
    "envFrom": ({"envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "theirs"}}]}, ".envFrom"),
    "volume": ({"volumes": [{"name": "v", "secret": {"secretName": "theirs"}}]}, ".volumes (v)"),
    "projected": ({"volumes": [PROJECTED]}, ".volumes (v)"),
    "imagePullSecrets": ({"imagePullSecrets": [{"name": "s3"}, {"name": "theirs"}]}, ".imagePullSecrets"),
}
SHAPES = {
    "podTemplate": ({"podTemplate": {"spec": {"hostNetwork": True}}}, ".podTemplate"),
    "token": ({"volumes": [TOKEN]}, ".volumes"),
    "hostPath": ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, ".volumes"),
    "csi": ({"volumes": [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "x"}}}]}, ".volumes"),
    "nfs": ({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}, ".volumes"),
}
PARTS = ["workers", *(f"stages.{stage}" for stage in STAGES)]


def within(part: str, settings: dict) -> dict:
    """A spec with these settings in spec.workers or in one stage."""
    kind, _, stage = part.partition(".")
    return {**SMALLEST, kind: {stage: settings} if stage else settings}


def refusal(runs: Runs, spec: dict) -> str:
    with pytest.raises(Refused) as caught:
        runs.try_create(manifest("bad", spec))
    assert caught.value.code == 403, caught.value
    return str(caught.value)


def told(runs: Runs, spec: dict, field: str, annotation: str) -> str:
    """The refusal, which names the field, the namespace and what its administrator would have to set."""
    message = refusal(runs, spec)
    for part in (f"spec.{field}", runs.namespace, f"thinksafe.dev/{annotation}", "administrator"):
        assert part in message, message
    return message


def test_what_names_nothing_needs_nothing(tenants: dict[str, Runs]):
    """The operator's own storage, its Secret and its service account need no annotation."""
    plain = {"env": [{"name": "A", "value": "1"}], "volumes": [{"name": "v", "emptyDir": {}}], "envFrom": None}
    tenants["nothing"].try_create(manifest("good", SMALLEST))
    tenants["nothing"].try_create(manifest("good", {**within("workers", plain), "storage": None, "modelCache": None}))
    tenants["nothing"].try_create(manifest("good", within("stages.train", {**plain, "podTemplate": None})))


@pytest.mark.parametrize("where", SECRETS)
@pytest.mark.parametrize("part", PARTS)
def test_a_secret_that_was_not_given(tenants: dict[str, Runs], part: str, where: str):
    settings, field = SECRETS[where]
    message = told(tenants["something"], within(part, settings), f"{part}{field}", "secrets")
    assert "the Secret theirs" in message
    assert "s3, hf-token" in message, "what the namespace has"
    given = json.loads(json.dumps(settings).replace("theirs", "hf-token"))
    tenants["something"].try_create(manifest("good", within(part, given)))
    assert "which has none" in refusal(tenants["nothing"], within(part, given))
    tenants["everything"].try_create(manifest("good", within(part, settings)))


def test_the_credentials_of_the_storage(tenants: dict[str, Runs]):
    def spec(secret: str) -> dict:
        return {**SMALLEST, "storage": {"uri": "s3://bucket/team-a", "credentialsSecret": secret}}

    told(tenants["something"], spec("theirs"), "storage.credentialsSecret", "secrets")
    tenants["something"].try_create(manifest("good", spec("s3")))


@pytest.mark.parametrize("part", PARTS)
def test_a_service_account_that_was_not_given(tenants: dict[str, Runs], part: str):
    message = told(
        tenants["something"], within(part, {"serviceAccountName": "admin"}), f"{part}.serviceAccountName",
        "service-accounts",
    )  # fmt: skip
    assert "the service account admin" in message
    tenants["something"].try_create(manifest("good", within(part, {"serviceAccountName": "trainer"})))
    tenants["everything"].try_create(manifest("good", within(part, {"serviceAccountName": "admin"})))


@pytest.mark.parametrize("what", SHAPES)
@pytest.mark.parametrize("part", PARTS)
def test_the_shape_of_pods(tenants: dict[str, Runs], part: str, what: str):
    settings, field = SHAPES[what]
    told(tenants["something"], within(part, settings), f"{part}{field}", "pod-templates")
    tenants["everything"].try_create(manifest("good", within(part, settings)))


def test_a_folder_of_the_node_as_model_cache(tenants: dict[str, Runs]):
    of_the_node = {**SMALLEST, "modelCache": {"hostPath": "/etc"}}
    told(tenants["something"], of_the_node, "modelCache.hostPath", "pod-templates")
    tenants["something"].try_create(manifest("good", {**SMALLEST, "modelCache": {"persistentVolumeClaim": "m"}}))


OUTSIDE = [
    "s3://bucket", "s3://bucket/team-b", "s3://bucket/team-ab", "s3://bucket/team-a/../team-b", "s3://other/team-a",
    "s3://bucket/team-a/./x/..", "file:///data", "file:///data/team-b", "file:///data/team-a/../team-b",
    "file:///data/team-a/%2e%2e/team-b", "file:///data/team-a/%2E%2E%2Fteam-b", "file://localhost/data/team-a",
]  # fmt: skip


@pytest.mark.parametrize("uri", OUTSIDE)
def test_a_place_that_was_not_given(tenants: dict[str, Runs], uri: str):
    """Another namespace's data: as the run's storage."""
    message = told(tenants["something"], {**SMALLEST, "storage": {"uri": uri}}, "storage.uri", "storage")
    assert uri in message
    assert "s3://bucket/team-a, file:///data/team-a/" in message
    tenants["everything"].try_create(manifest("good", {**SMALLEST, "storage": {"uri": uri}}))


@pytest.mark.parametrize(
    "uri", ["s3://bucket/team-a", "s3://bucket/team-a/", "s3://bucket/team-a/x/y..z", "file:///data/team-a/x"]
)
def test_a_place_under_a_given_one(tenants: dict[str, Runs], uri: str):
    tenants["something"].try_create(manifest("good", {**SMALLEST, "storage": {"uri": uri}}))
    assert "which has none" in refusal(tenants["nothing"], {**SMALLEST, "storage": {"uri": uri}})


def test_another_namespaces_data_as_prompts(tenants: dict[str, Runs]):
    """A prompt source or a benchmark's file is read with the workers' credentials too."""
    theirs = "s3://bucket/team-b/artifacts/responses-1/x/00000.parquet"
    prompts = {**SMALLEST, "prompts": [*SMALLEST["prompts"], {"source": theirs}]}
    told(tenants["something"], prompts, "prompts", "storage")
    problems = {**SMALLEST, "evaluation": {"benchmarks": ["gsm8k"], "sources": {"gsm8k": theirs}}}
    told(tenants["something"], problems, "evaluation.sources.gsm8k", "storage")
    own = {**SMALLEST, "prompts": [{"source": "s3://bucket/team-a/p.csv"}, {"source": "hf://a/b"}]}
    tenants["something"].try_create(manifest("good", own))


def test_an_endpoint_does_not_say_which_place_is_meant(tenants: dict[str, Runs]):
    def spec(endpoint: str) -> dict:
        return {**SMALLEST, "storage": {"uri": "s3://bucket/team-a", "endpoint": endpoint}}

    for endpoint in ("http://s3:9000/bucket/team-b", "http://s3:9000?x=/team-b", "http://s3:9000//"):
        assert "spec.storage.endpoint" in refusal(tenants["something"], spec(endpoint))
    for endpoint in ("http://s3:9000", "https://s3.example.com/"):
        tenants["something"].try_create(manifest("good", spec(endpoint)))


def test_a_refusal_tells_nothing_of_other_namespaces(tenants: dict[str, Runs]):
    message = refusal(tenants["nothing"], within("workers", SECRETS["env"][0]))
    for other in (tenants["something"].namespace, *(one.strip() for one in GIVEN["secrets"].split(","))):
        assert other not in message


@pytest.mark.parametrize(
    ("spec", "field", "annotation"),
    [
        (within("workers", SECRETS["env"][0]), "workers.env (A)", "secrets"),
        (within("stages.report", SECRETS["volume"][0]), "stages.report.volumes (v)", "secrets"),
        (within("workers", {"serviceAccountName": "theirs"}), "workers.serviceAccountName", "service-accounts"),
        ({**SMALLEST, "storage": {"uri": "s3://elsewhere"}}, "storage.uri", "storage"),
        (within("workers", SHAPES["podTemplate"][0]), "workers.podTemplate", "pod-templates"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_the_run_of_an_experiment_is_judged_too(tenants: dict[str, Runs], spec: dict, field: str, annotation: str):
    """Its comparisons are made by that run, whatever the variants change."""
    whole = experiment("e", {"run": spec, "variants": [{"name": "a", "patch": {"workers": None, "stages": None}}]})
    with pytest.raises(Refused) as caught:
        Experiments(tenants["nothing"].kubeconfig, tenants["nothing"].namespace).try_create(whole)
    assert caught.value.code == 403
    for part in (f"spec.run.{field}", f"thinksafe.dev/{annotation}"):
        assert part in str(caught.value)
    Experiments(tenants["everything"].kubeconfig, tenants["everything"].namespace).try_create(whole)


@pytest.mark.parametrize("kind", SECRETS)
def test_a_run_that_the_operator_makes_of_a_variant_is_judged_as_any_other(tenants: dict[str, Runs], kind: str):
    """What a patch names is seen when its run is made, whoever makes it: the policy asks nobody's name."""
    spec = {"run": SMALLEST, "variants": [{"name": "a", "patch": {"workers": SECRETS[kind][0]}}]}
    stored = Experiments(tenants["nothing"].kubeconfig, tenants["nothing"].namespace).try_create(experiment("e", spec))
    read = parse_run({**stored, "metadata": {**stored["metadata"], "uid": "u", "resourceVersion": "1"}})
    made = objects.run(read, parsed_of(read), Start("a"))
    with pytest.raises(Refused, match="was not given to the namespace") as caught:
        tenants["nothing"].try_create(made)
    assert caught.value.code == 403 and "denied request" in str(caught.value)
    tenants["everything"].try_create(made)


def test_a_run_from_before_can_still_be_suspended(tenants: dict[str, Runs], control_plane):
    """What was given may be taken away again: the run goes on, can be stopped, and cannot be made anew."""
    runs = tenants["everything"]
    made = runs.create(manifest("before", within("workers", SECRETS["env"][0])))
    take = ["annotate", "namespace", runs.namespace, "--overwrite"]
    control_plane.kubectl(*take, "thinksafe.dev/secrets=")
    try:
        for _ in range(100):
            try:
                runs.try_create(manifest("again", made["spec"]))
            except Refused:
                break
        else:
            raise AssertionError("what was taken away can still be named")
        assert runs.merge("before", {"spec": {"suspend": True}})["spec"]["suspend"] is True
        assert runs.apply_status(made["metadata"]["name"], {"phase": "Suspended"})["status"]["phase"] == "Suspended"
    finally:
        control_plane.kubectl(*take, "thinksafe.dev/secrets=*")
        runs.delete("before")


def test_the_largest_manifest_can_be_judged(tenants: dict[str, Runs]):
    """Every list as long as it may be, in every part, with many names given: the policy stays within its budget."""
    name = LONGEST
    volumes = [{"name": f"v{i}", "projected": {"sources": [{"secret": {"name": name}}] * 4}} for i in range(64)]
    settings = {
        "env": [{"name": f"A{i}", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}} for i in range(128)],
        "envFrom": [{"secretRef": {"name": name}}] * 32, "imagePullSecrets": [{"name": name}] * 16, "volumes": volumes,
        "serviceAccountName": name,
    }  # fmt: skip
    spec = {
        **SMALLEST, "workers": settings, "stages": dict.fromkeys(STAGES, settings),
        "prompts": [{"source": f"s3://bucket/team-a/{'x' * 400}"}] * 32, "storage": {"uri": "s3://bucket/team-a"},
    }  # fmt: skip
    tenants["much"].try_create(manifest("good", spec))
    assert "the Secret s" in refusal(tenants["something"], spec)
