"""Runs as the operator reads them, and a strategy that makes valid specs of every kind for its tests."""

from hypothesis import strategies as st

from thinksafe_operator.settings import Settings
from thinksafe_operator.state import Run

SETTINGS = Settings(worker_image="registry.example/thinksafe-worker:1")
STAGES = ("prepare", "generate", "filter", "generate-2", "filter-2", "train", "evaluate", "report")


def spec(**fields) -> dict:
    """The shortest spec that is valid, and `fields` on top."""
    return {
        "model": {"name": "tiny://student?seed=0"},
        "prompts": [{"source": "tiny://prompts?seed=0", "format": "tiny"}],
        "storage": {"uri": "s3://bucket/runs"},
        **fields,
    }


def run(name: str = "qwen3", uid: str = "0d9f3a52-1b1e-4c6f-9a57-d0a4a2c1f001", **fields) -> Run:
    return Run(
        name=name, namespace="alignment", uid=uid, resource_version="1", generation=1, created=0.0, deleting=False,
        spec=spec(**fields), status={},
    )  # fmt: skip


def _some(**fields: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries({}, optional=fields)


_words = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
_resources = st.dictionaries(
    st.sampled_from(["cpu", "memory", "nvidia.com/gpu", "amd.com/gpu", "nvidia.com/mig-1g.10gb", "rdma/hca"]),
    st.integers(1, 8).map(str) | st.integers(1, 8),
    max_size=3,
)
# Names of ours among them: a run may set those too.
_env = st.one_of(
    st.fixed_dictionaries({
        "name": st.sampled_from(["HF_HOME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "OMP_NUM_THREADS", "OTHER"]),
        "value": st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    }),
    st.fixed_dictionaries({
        "name": st.sampled_from(["AWS_ACCESS_KEY_ID", "HF_TOKEN"]),
        "valueFrom": st.fixed_dictionaries({"secretKeyRef": st.fixed_dictionaries({"name": _words, "key": _words})}),
    }),
)  # fmt: skip
_volume = st.fixed_dictionaries({"name": st.sampled_from(["scratch", "data", "more"]), "emptyDir": st.just({})})
_toleration = st.fixed_dictionaries({"key": st.just("nvidia.com/gpu"), "operator": st.just("Exists")})
# What may stand in a podTemplate and takes no safety away.
_harmless_template = _some(
    metadata=_some(labels=st.dictionaries(_words, _words, max_size=2)),
    spec=_some(
        nodeSelector=st.dictionaries(_words, _words, max_size=2),
        terminationGracePeriodSeconds=st.integers(1, 600),
        hostAliases=st.just([{"ip": "10.0.0.1", "hostnames": ["mirror"]}]),
        containers=st.lists(
            st.sampled_from([
                {"name": "worker", "workingDir": "/scratch"},
                {"name": "worker", "env": [{"name": "HF_HOME", "value": "/elsewhere"}]},
                {"name": "worker", "resources": {"limits": {"nvidia.com/gpu": 2}}},
            ]),
            max_size=2,
        ),
    ),
)  # fmt: skip
_pod_settings = {
    "image": st.just("registry.example/own:2"),
    "resources": _some(requests=_resources, limits=_resources),
    "nodeSelector": st.dictionaries(_words, _words, max_size=2),
    "tolerations": st.lists(_toleration, max_size=2),
    "serviceAccountName": _words,
    "env": st.lists(_env, max_size=4, unique_by=lambda e: e["name"]),
    "volumes": st.lists(_volume, max_size=2, unique_by=lambda v: v["name"]),
    "imagePullSecrets": st.lists(st.fixed_dictionaries({"name": _words}), max_size=2),
    "runtimeClassName": _words,
    "priorityClassName": _words,
    "resourceClaims": st.just([{"name": "gpu", "resourceClaimTemplateName": "one", "request": "big"}]),
    "sharedMemory": st.sampled_from(["1Gi", "500M"]),
    "podRetries": st.integers(0, 10),
    "podTemplate": _harmless_template,
}
_alone, _many = _some(**_pod_settings), _some(**_pod_settings, replicas=st.integers(1, 1024))


_LONGEST = ["r" * 40, "r" * 27 + "-" + "r" * 12]


@st.composite
def runs(draw) -> Run:
    """Any run with a valid spec; podTemplates among them leave the safety fields alone."""
    fields = draw(_some(
        workers=_some(**_pod_settings),
        stages=_some(prepare=_alone, generate=_many, filter=_many, train=_many, evaluate=_many, report=_alone),
        modelCache=st.sampled_from(
            [{"persistentVolumeClaim": "models"}, {"hostPath": "/srv/models"}, {"image": "registry.example/models:1"}]
        ),
        queueName=_words,
        suspend=st.booleans(),
        ttlSecondsAfterFinished=st.integers(0, 9),
        storage=st.fixed_dictionaries(
            {"uri": st.sampled_from(["s3://bucket/runs", "s3://bucket/$(HOME)", "file:///data"])},
            optional={"credentialsSecret": _words, "endpoint": st.just("http://s3:7070"), "region": _words},
        ),
        seed=st.integers(0, 2**31 - 1),
    ))  # fmt: skip
    name = draw(st.from_regex(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?", fullmatch=True) | st.sampled_from(_LONGEST))
    return run(name=name, uid=str(draw(st.uuids())), **fields)
