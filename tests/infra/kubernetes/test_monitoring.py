"""The board and the alerts: what they ask for exists, and Prometheus is led to who says it."""

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.infra.kubernetes.policy import templates
from tests.infra.kubernetes.rendering import Manifest, named

FROM_THE_CLUSTER = {
    # NVIDIA's dcgm-exporter, in its shipped list of counters.
    "DCGM_FI_DEV_GPU_UTIL",
    "DCGM_FI_DEV_FB_USED",
    # kube-state-metrics, in its documentation of pods.
    "kube_pod_container_resource_requests",
    "kube_pod_status_phase",
}
OF_THE_EXPORTER = {
    "desta_runs",
    "desta_stage_rows_in",
    "desta_stage_rows_out",
    "desta_stage_seconds",
    "desta_stage_rows_refused",
}
"""Held to what the exporter answers in test_exporter.py."""
WORDS = {"and", "or", "unless", "bool", "by", "without", "on", "ignoring", "group_left", "group_right", "offset"}


def metrics_in(query: str) -> set[str]:
    """Return the names of the series that a query of ours asks for."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', " ", re.sub(r'"[^"]*"', "", query))
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"\b[a-zA-Z_:][\w:]*\b(?!\s*\()", bare)) - WORDS


def of_vllm() -> set[str]:
    """Return the series of the vLLM that is installed, read from where it defines them."""
    found = find_spec("vllm")
    assert found
    assert found.origin
    source = (Path(found.origin).parent / "v1" / "metrics" / "loggers.py").read_text()
    names = set(re.findall(r'"(vllm:\w+)"', source))
    return names | {f"{name}_total" for name in names}


def board(manifests: list[Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(named(manifests, "ConfigMap", "dashboard")["data"]["desta.json"])
    return found


def rules(manifests: list[Manifest]) -> list[dict[str, Any]]:
    groups = named(manifests, "PrometheusRule", "desta")["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture
def known(manifests: list[Manifest]) -> set[str]:
    recorded = {rule["record"] for rule in rules(manifests) if "record" in rule}
    return FROM_THE_CLUSTER | OF_THE_EXPORTER | of_vllm() | recorded


def test_the_board_asks_only_for_what_exists(manifests: list[Manifest], known: set[str]) -> None:
    asked = [target["expr"] for panel in board(manifests)["panels"] for target in panel["targets"]]
    assert len(asked) > 10
    for query in asked:
        assert metrics_in(query), query
        assert metrics_in(query) - known == set(), query


def test_the_rules_ask_only_for_what_exists(manifests: list[Manifest], known: set[str]) -> None:
    for rule in rules(manifests):
        assert metrics_in(rule["expr"]) - known == set(), rule


@pytest.mark.parametrize("subject", ["Runs", "Rows refused", "Tokens a second", "GPU use", "Cost"])
def test_the_board_shows(subject: str, manifests: list[Manifest]) -> None:
    panels = board(manifests)["panels"]
    assert [panel for panel in panels if panel["title"].startswith(subject)]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_grafanas_sidecar_finds_the_board(manifests: list[Manifest]) -> None:
    assert named(manifests, "ConfigMap", "dashboard")["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_every_alert_says_what_it_is_about(manifests: list[Manifest]) -> None:
    alerts = {rule["alert"]: rule for rule in rules(manifests) if "alert" in rule}
    for alert in alerts.values():
        assert alert["annotations"]["summary"]
        assert alert["annotations"]["description"]
        assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    wanted = {"RunFailed", "GateRefused", "RowsRefused", "NoTokens", "GpuIdle", "CostOverBudget"}
    assert wanted <= {name.removeprefix("Desta") for name in alerts}


def test_prometheus_is_led_to_a_port_that_a_pod_has(manifests: list[Manifest]) -> None:
    pods = {pod.owner: pod for pod in templates(manifests)}
    watched = named(manifests, "PodMonitor", "exporter")["spec"]
    service, monitored = named(manifests, "Service", "generator"), named(manifests, "ServiceMonitor", "vllm")["spec"]
    exporter, vllm = pods["Deployment/exporter"], pods["Deployment/vllm"]
    assert watched["selector"]["matchLabels"].items() <= exporter.labels.items()
    assert watched["podMetricsEndpoints"][0]["port"] in {port["name"] for port in exporter.containers[0]["ports"]}
    assert monitored["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert service["spec"]["selector"].items() <= vllm.labels.items()
    (port,) = service["spec"]["ports"]
    assert monitored["endpoints"][0]["port"] == port["name"]
    assert port["targetPort"] in {port["name"] for port in vllm.containers[0]["ports"]}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('sum by (stage) (a{b="c"}) / on (stage) d', {"a", "d"}),
        ("delta(max by (state) (desta_runs)[15m:1m]) > 0", {"desta_runs"}),
        ("sum(rate(vllm:x_total[5m])) and e == 0", {"vllm:x_total", "e"}),
        ('f * on (g) group_left () h{i=~"j{2}"}', {"f", "h"}),
    ],
)
def test_the_names_in_a_query_are_found(query: str, names: set[str]) -> None:
    assert metrics_in(query) == names
