"""The dashboard and the alerts ask for metrics that the operator has, by labels that they have."""

import json
import re

import pytest
import yaml
from chart.matrix import EVERYTHING
from chart.rendered import find, one, render
from cluster.helm import CHART
from prometheus_client.metrics import MetricWrapperBase

from thinksafe_operator import metrics
from thinksafe_operator.reasons import Reason

# What Prometheus adds to every sample of a pod, and what the Python client tells of its process.
OF_THE_TARGET = {"namespace", "pod", "job", "instance"}
OF_THE_PROCESS = {"process_resident_memory_bytes"}
KNOWN_VALUES = {
    "phase": {*metrics.PHASES, "Unknown"},
    "outcome": {"Succeeded", "Cached", "Failed"},
    "result": {"done", "error", "retry", "conflict"},
    "decision": {"kept", "dropped"},
    "reason": {*Reason, ""},
}
SELECTOR = re.compile(r"\b(thinksafe_\w+|process_\w+)(\{[^}]*\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")


def samples() -> dict[str, set[str]]:
    """Every name that can be asked for, with its labels."""
    found: dict[str, set[str]] = {name: set() for name in OF_THE_PROCESS}
    for collector in [v for v in vars(metrics).values() if isinstance(v, MetricWrapperBase)]:
        labels = set(getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"]}[family.type]
            for suffix in suffixes:
                found[family.name + suffix] = labels | ({"le"} if suffix == "_bucket" else set())
    live = metrics.Live(phases=list, depth=lambda: 0, oldest=lambda: 0.0, silence=lambda: {"jobs": 0.0})
    for family in live.collect():
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    return found


def dashboard() -> dict:
    return json.loads((CHART / "files" / "dashboard.json").read_text())


def panels() -> list[dict]:
    return [p for p in dashboard()["panels"] if p["type"] != "row"]


def alerts() -> list[dict]:
    return yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())


QUERIES = {f"{p['title']} {t['refId']}": t["expr"] for p in panels() for t in p["targets"]}
RULES = {rule["alert"]: rule["expr"] for rule in alerts()}


@pytest.mark.parametrize("query", [*QUERIES.values(), *RULES.values()], ids=[*QUERIES, *RULES])
def test_a_query_asks_for_what_there_is(query):
    known = samples()
    selected = SELECTOR.findall(query)
    assert selected, query
    labels: set[str] = set(OF_THE_TARGET)
    for name, matchers in selected:
        assert name in known, f"the operator has no {name}"
        labels |= known[name]
        for label, _, value in MATCHER.findall(matchers):
            assert label in known[name] | OF_THE_TARGET, f"{name} has no label {label}"
            if label in KNOWN_VALUES and not value.startswith("$"):
                assert set(value.split("|")) <= KNOWN_VALUES[label], value
    for grouped in GROUPED.findall(query):
        assert {g.strip() for g in grouped.split(",")} <= labels, query
    for opening, closing in ("()", "{}", "[]"):
        assert query.count(opening) == query.count(closing)


def test_every_metric_of_the_operator_is_on_the_dashboard():
    shown = {name for query in QUERIES.values() for name, _ in SELECTOR.findall(query)}
    families = {re.sub("_(bucket|count|sum)$", "", name) for name in samples()}
    assert families - {re.sub("_bucket$", "", name) for name in shown} == set()


def test_counters_are_asked_for_by_their_growth():
    for query in [*QUERIES.values(), *RULES.values()]:
        for name, _ in SELECTOR.findall(query):
            if name.endswith(("_total", "_bucket")):
                assert re.search(rf"(rate|increase)\({name}(\{{[^}}]*\}})?\[", query), query


def test_the_dashboard_has_a_place_for_each_panel():
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
                assert x < 24
    ids = [p["id"] for p in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)


def test_legends_name_labels_that_the_query_keeps():
    for panel in panels():
        for target in panel["targets"]:
            kept = {g.strip() for grouped in GROUPED.findall(target["expr"]) for g in grouped.split(",")}
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= kept, panel["title"]


def test_every_alert_says_what_it_means_and_what_to_do():
    for rule in alerts():
        assert rule["labels"]["severity"] in ("critical", "warning", "info")
        assert set(rule["annotations"]) == {"summary", "description"}
        kept = {g.strip() for grouped in GROUPED.findall(rule["expr"]) for g in grouped.split(",")}
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= kept, rule["alert"]
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names)


def test_nothing_of_it_is_there_unless_it_is_asked_for():
    kinds = {o["kind"] for o in render()}
    assert not kinds & {"Service", "ServiceMonitor", "PrometheusRule", "ConfigMap"}


def test_the_files_arrive_as_they_are():
    objects = render(EVERYTHING)
    assert json.loads(one(objects, "ConfigMap")["data"]["thinksafe.json"]) == dashboard()
    assert one(objects, "PrometheusRule")["spec"]["groups"] == [{"name": "thinksafe", "rules": alerts()}]


def test_the_service_monitor_finds_the_service_and_the_service_the_pod():
    objects = render(EVERYTHING)
    monitor, service = one(objects, "ServiceMonitor"), one(objects, "Service")
    pod = one(objects, "Deployment")["spec"]["template"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    (endpoint,), (port,) = monitor["spec"]["endpoints"], service["spec"]["ports"]
    assert (endpoint["port"], endpoint["path"], endpoint["interval"]) == (port["name"], "/metrics", "15s")
    assert port["targetPort"] in {p["name"] for p in pod["spec"]["containers"][0]["ports"]}


def test_each_is_found_by_the_labels_of_its_reader():
    objects = render(EVERYTHING)
    assert one(objects, "ServiceMonitor")["metadata"]["labels"]["release"] == "prometheus"
    assert one(objects, "PrometheusRule")["metadata"]["labels"]["release"] == "prometheus"
    assert one(objects, "ConfigMap")["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert find(objects, "Service")[0]["metadata"]["labels"].get("release") is None
