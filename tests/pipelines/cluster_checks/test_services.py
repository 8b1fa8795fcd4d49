"""What stands beside the runs is judged by what the cluster's profile needs of it."""

from typing import Any

import pytest

from pipelines.cluster_checks.services import training, vllm
from pipelines.findings import State

TRAINER, JOB_SET = ({"resources": [{"name": name}]} for name in ("trainjobs", "jobsets"))


def servers(wanted: int, ready: int) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": "vllm"}, "spec": {"replicas": wanted}, "status": {"readyReplicas": ready}}]}


@pytest.mark.parametrize(
    ("needed", "seen", "state", "words"),
    [
        (0, {"items": []}, State.OK, "none here"),
        (0, servers(0, 0), State.OK, "at rest"),
        (0, servers(2, 1), State.OK, "ready, 1 of 2"),
        (0, servers(1, 0), State.ERROR, "not ready, 0 of 1"),
        (2, servers(2, 2), State.OK, "ready, 2 of 2"),
        (2, servers(2, 1), State.ERROR, "not ready, 1 of 2"),
        (2, servers(1, 1), State.ERROR, "asks 2 servers, and there are 1"),
        (2, {"items": []}, State.ERROR, "asks 2 servers, and there are 0"),
    ],
)
def test_the_servers_of_the_backbone_are_as_many_as_the_profile_asks(
    needed: int, seen: dict[str, Any], state: State, words: str
) -> None:
    verdict = vllm("vllm", needed, {"items": []}, seen)
    assert verdict.state is state
    assert words in verdict.detail


@pytest.mark.parametrize(
    ("nodes", "seen", "state", "words"),
    [
        (1, (None, None, None), State.OK, "none is needed"),
        (1, (TRAINER, None, {}), State.WARNING, "JobSet is not installed"),
        (2, (TRAINER, JOB_SET, {}), State.OK, "a-runtime"),
        (2, (None, None, None), State.ERROR, "TrainJob is not installed"),
        (2, (TRAINER, JOB_SET, None), State.ERROR, "no TrainingRuntime a-runtime: the training on 2 nodes would fail"),
    ],
)
def test_a_training_on_several_nodes_needs_trainer_and_one_on_one_node_does_not(
    nodes: int, seen: tuple[Any, ...], state: State, words: str
) -> None:
    verdict = training("a-runtime", nodes, *seen)
    assert verdict.state is state
    assert words in verdict.detail
