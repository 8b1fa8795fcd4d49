"""Where a task of a stage fits, by quantities and rules as Kubernetes has them."""

from typing import Any

import pytest

from pipelines.cluster.profile import Accelerator, Placement, Toleration, read_profile
from pipelines.cluster_checks.room import node, quota
from pipelines.findings import State
from tests.pipelines.cluster.making import CLUSTERS
from tests.pipelines.cluster_checks.kubernetes_api import node as make_node

GPU = "nvidia.com/gpu"


def placed(**changes: Any) -> Placement:
    return Placement(**{"cpu": "2", "memory": "4Gi", "timeout_s": 60, **changes})


@pytest.mark.parametrize(
    ("cpu", "memory", "fits"),
    [("2", "4Gi", True), ("2000m", "4096Mi", True), ("1999m", "4Gi", False), ("2", "4194303Ki", False)],
)
def test_quantities_are_compared_whatever_their_units(cpu: str, memory: str, fits: bool) -> None:
    there = make_node("a")
    there["status"]["allocatable"].update(cpu=cpu, memory=memory)
    assert (node(placed(), 1, {"items": [there]}).state is State.OK) is fits


@pytest.mark.parametrize(
    ("toleration", "taint", "fits"),
    [
        (Toleration(key="gpu"), {"key": "gpu", "value": "yes", "effect": "NoSchedule"}, True),
        (Toleration(key="gpu", effect="NoSchedule"), {"key": "gpu", "effect": "NoExecute"}, False),
        (
            Toleration(key="gpu", operator="Equal", value="a"),
            {"key": "gpu", "value": "a", "effect": "NoSchedule"},
            True,
        ),
        (
            Toleration(key="gpu", operator="Equal", value="a"),
            {"key": "gpu", "value": "b", "effect": "NoSchedule"},
            False,
        ),
        (Toleration(key="other"), {"key": "gpu", "effect": "NoSchedule"}, False),
        (Toleration(key="other"), {"key": "gpu", "effect": "PreferNoSchedule"}, True),
    ],
)
def test_a_taint_keeps_a_task_away_unless_it_is_tolerated(
    toleration: Toleration, taint: dict[str, str], fits: bool
) -> None:
    there = make_node("a")
    there["spec"] = {"taints": [taint]}
    assert (node(placed(tolerations=(toleration,)), 1, {"items": [there]}).state is State.OK) is fits


@pytest.mark.parametrize(("gpus", "words"), [([2, 2], None), ([4], None), ([2, 1], "room for 1"), ([3], "room for 1")])
def test_nodes_of_a_training_have_to_fit_at_once(gpus: list[int], words: str | None) -> None:
    nodes = {"items": [make_node(str(number), gpus=count) for number, count in enumerate(gpus)]}
    verdict = node(placed(accelerator=Accelerator(type=GPU, count=2)), 2, nodes)
    assert (verdict.state is State.OK) is (words is None)
    assert (words or "would take it") in verdict.detail


@pytest.mark.parametrize(
    ("spec", "state"),
    [
        ({"hard": {"limits.cpu": "1"}}, State.ERROR),
        ({"hard": {"cpu": "1"}}, State.ERROR),
        ({"hard": {"pods": "1", "requests.storage": "1Gi"}}, State.OK),
        ({"hard": {"limits.cpu": "1"}, "scopes": ["BestEffort"]}, State.OK),
        ({"hard": {"limits.cpu": "1"}, "scopeSelector": {"matchExpressions": [{}]}}, State.OK),
    ],
)
def test_a_quota_holds_for_what_it_names_and_for_no_other_pods(spec: dict[str, Any], state: State) -> None:
    cluster = read_profile(CLUSTERS / "laptop.yaml")
    assert quota(cluster, {"items": [{"metadata": {"name": "a"}, "spec": spec}]}).state is state


def test_a_namespace_without_a_quota_has_room() -> None:
    assert quota(read_profile(CLUSTERS / "laptop.yaml"), {"items": []}).state is State.OK


def test_a_cluster_without_a_node_that_is_ready_says_so() -> None:
    assert node(placed(), 1, {"items": []}).detail == "no node is ready"
