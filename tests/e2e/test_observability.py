"""What is seen of a run from outside: bounded metrics, logs in JSON, progress; and no token in a worker."""

import json
import re

import pytest
from e2e.undisturbed import NAME, Undisturbed, many, scrape
from prometheus_client.parser import text_string_to_metric_families

from thinksafe_operator.metrics import PHASES
from thinksafe_operator.parse import unix

pytestmark = [pytest.mark.slow, pytest.mark.vllm, pytest.mark.timeout(3600)]
PROGRESS_SECONDS = 30
# The labels of our metrics: closed lists, all of them.
LABELS = {"phase", "stage", "outcome", "reason", "decision", "watch", "verb", "code", "result", "le"}

Samples = dict[tuple[str, frozenset], float]


def samples(text: str) -> Samples:
    """Our metrics: value by name and labels."""
    families = text_string_to_metric_families(text)
    found = [s for family in families for s in family.samples if s.name.startswith("thinksafe_")]
    return {(s.name, frozenset(s.labels.items())): s.value for s in found}


def grown(run: Undisturbed, name: str, **labels: str) -> float:
    """By how much the sum of all samples with these labels grew while the run ran."""

    def total(text: str) -> float:
        wanted = labels.items()
        return sum(value for (n, has), value in samples(text).items() if n == name and wanted <= set(has))

    return total(run.metrics_after) - total(run.metrics_before)


def test_the_metrics_count_what_the_run_did(undisturbed):
    run, status = undisturbed, undisturbed.status
    stages = {s["name"]: s for s in status["stages"]}
    # A gauge: meanwhile runs of other tests may have gone.
    assert samples(run.metrics_after)[("thinksafe_runs", frozenset({("phase", status["phase"])}))] >= 1
    assert grown(run, "thinksafe_stages_total", outcome="Succeeded") == len(stages)
    assert grown(run, "thinksafe_stages_total", outcome="Failed") == 0
    assert grown(run, "thinksafe_stage_duration_seconds_count") == len(stages)
    for name in ("generate", "train", "evaluate"):
        assert grown(run, "thinksafe_tokens_total", stage=name) == stages[name]["tokens"] > 0, name
    for name in ("generate", "filter", "train", "evaluate"):
        counted = grown(run, "thinksafe_gpu_seconds_total", stage=name)
        assert counted == pytest.approx(stages[name].get("gpuSeconds", 0)), name
    assert grown(run, "thinksafe_guard_decisions_total", decision="kept") == status["kept"] > 0
    assert grown(run, "thinksafe_guard_decisions_total") == status["judged"] >= status["kept"]


def test_the_metrics_tell_how_the_operator_is(undisturbed):
    text = undisturbed.metrics_after
    now = {name: value for (name, _), value in samples(text).items()}
    assert {"thinksafe_queue_depth", "thinksafe_queue_oldest_seconds", "thinksafe_watch_silence_seconds"} <= set(now)
    watches = {dict(labels)["watch"] for name, labels in samples(text) if name == "thinksafe_watch_silence_seconds"}
    assert {"thinksaferuns", "jobs", "pods"} <= watches
    assert grown(undisturbed, "thinksafe_reconciles_total", result="done") > 0
    assert grown(undisturbed, "thinksafe_reconcile_duration_seconds_count") > 0
    assert grown(undisturbed, "thinksafe_api_calls_total") > 0
    assert "process_resident_memory_bytes" in text


def test_the_labels_of_the_metrics_are_bounded(undisturbed):
    told = samples(undisturbed.metrics_after)
    assert {name for _, labels in told for name, _ in labels} <= LABELS
    values = " ".join(value for _, labels in told for _, value in labels)
    assert NAME not in values and undisturbed.namespace.name not in values
    assert {dict(labels)["phase"] for name, labels in told if name == "thinksafe_runs"} == {*PHASES, "Unknown"}


def test_a_retry_is_counted_with_its_reason(undisturbed):
    """Of a run whose data is all in the store, the Job of prepare is deleted: a second one does it."""
    namespace, cluster = undisturbed.namespace, undisturbed.namespace.cluster
    before = samples(scrape(cluster))
    namespace.apply(many(namespace, "again"))
    namespace.wait("again", lambda s: s.get("stages", [{}])[0].get("state") in ("Queued", "Running"), "started")
    (job,) = [j["metadata"]["name"] for j in namespace.jobs() if j["metadata"]["name"].startswith("again-prepare")]
    namespace.kubectl("delete", "job", job, "--wait=false")
    status = namespace.wait_for_phase("again", "Succeeded", "GateFailed", "Failed", seconds=900)
    assert status["phase"] == undisturbed.status["phase"], status.get("message")
    assert status["stages"][0]["attempt"] == 2
    after, retry = samples(scrape(cluster)), {("stage", "prepare"), ("reason", "JobDeleted")}
    key = ("thinksafe_stage_retries_total", frozenset(retry))
    assert after[key] - before.get(key, 0) == 1


def test_the_log_is_json_line_by_line(undisturbed):
    text = undisturbed.namespace.cluster.kubectl("-n", "thinksafe-system", "logs", "deployment/thinksafe-operator")
    lines = [json.loads(line) for line in text.splitlines()]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in lines)
    about = [x for x in lines if (x.get("namespace"), x.get("run")) == (undisturbed.namespace.name, NAME)]
    ended = [x["stage"] for x in about if x["message"] == "the stage is Succeeded"]
    assert ended == ["prepare", "generate", "filter", "train", "evaluate", "report"]
    assert [x["message"] for x in about if x["level"] in ("error", "critical")] == []


def test_progress_is_in_the_status_soon_after_the_worker_runs(undisturbed):
    shown = {}
    for pod in undisturbed.namespace.pods():
        if pod["metadata"]["labels"]["thinksafe.dev/run"] != NAME:
            continue
        stage = pod["metadata"]["labels"]["thinksafe.dev/stage"]
        ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        started, finished = unix(ended["startedAt"]), unix(ended["finishedAt"])
        if finished - started < PROGRESS_SECONDS:
            continue  # it may be over before it is asked
        first = next(at for at, status in undisturbed.pages if _tells_of(status, stage))
        shown[stage] = first - started
    assert shown, "no stage took long enough"
    assert {stage: round(s) for stage, s in shown.items() if s > PROGRESS_SECONDS} == {}
    texts = {status.get("progress", "") for _, status in undisturbed.pages}
    assert any(re.search(r"\d+%", text) for text in texts), texts


def _tells_of(status: dict, stage: str) -> bool:
    """Whether the numbers of a stage that runs are there."""
    return any(s["name"] == stage and s["state"] == "Running" and "rows" in s for s in status.get("stages", []))


def test_a_worker_has_no_token_for_the_api(undisturbed):
    pods = undisturbed.namespace.pods()
    assert pods
    for pod in pods:
        volumes = pod["spec"].get("volumes", [])
        assert [v["name"] for v in volumes if "projected" in v or v["name"].startswith("kube-api-access")] == []
        assert pod["spec"]["automountServiceAccountToken"] is False
    assert undisturbed.secrets == "0"  # files under /var/run/secrets of a running worker
