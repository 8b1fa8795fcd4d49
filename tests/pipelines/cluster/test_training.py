"""A training on several nodes, as a cluster's file says it: what the stage is told, and what its own pod then needs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.core.contracts.errors import ConfigurationError
from components.train_model.settings import TrainModelSettings
from pipelines.cluster.graph import compile_on
from pipelines.cluster.profile import read_profile
from pipelines.cluster.submitting import cache_keys
from pipelines.cluster.training import trained_on
from pipelines.profiles import Profile, smoke
from tests.infra.kubernetes.test_references import quantity
from tests.pipelines.cluster.making import CLUSTERS, make_cluster

BASE = Path(__file__).parents[3] / "infra" / "kubernetes" / "base"
TWO: dict[str, Any] = {"training": {"nodes": 2}}
PARAMETERS: dict[str, Any] = {"encoder": "hf://a/b@1", "llm": "hf://a/b@1", "data_revision": "corpora:x"}


def with_training(**settings: Any) -> Profile:
    return replace(smoke(), train_model=TrainModelSettings(**settings))


def test_the_stage_is_told_what_its_nodes_are() -> None:
    cluster = read_profile(CLUSTERS / "cloud.yaml")
    told = trained_on(smoke(), cluster).train_model
    assert (told.launcher, told.nodes, told.processes, told.steps) == ("trainer", 2, 2, smoke().train_model.steps)
    assert told.trainer.resources == {"cpu": "12", "memory": "96Gi", "nvidia.com/gpu": "2"}
    assert told.trainer.node_selector == {"desta/pool": "train"}
    taint = {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    assert told.trainer.tolerations == (taint,)
    assert (told.trainer.runtime, told.trainer.restarts) == ("desta-deepspeed", 10)


def test_the_pod_of_the_stage_only_watches(tmp_path: Path) -> None:
    compile_on(read_profile(CLUSTERS / "cloud.yaml"), tmp_path / "cloud.yaml")
    graph, platform = yaml.safe_load_all((tmp_path / "cloud.yaml").read_text())
    resources = graph["deploymentSpec"]["executors"]["exec-train-model"]["container"]["resources"]
    assert "accelerator" not in resources
    assert (resources["resourceCpuLimit"], resources["resourceMemoryLimit"]) == ("1", "4Gi")
    place = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train-model"]
    assert "nodeSelector" not in place
    assert int(place["activeDeadlineSeconds"]) == 604800


def test_on_one_node_the_training_stays_in_the_pod(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path)
    for profile in (smoke(), with_training(launcher="deepspeed", processes=2)):
        assert trained_on(profile, cluster) == profile
    assert cluster.pod("train_model") == cluster.stages["train_model"]


def test_two_nodes_have_the_key_of_two_nodes_wherever_they_are(tmp_path: Path) -> None:
    one, two = make_cluster(tmp_path), make_cluster(tmp_path, **TWO)
    other = make_cluster(tmp_path, training={"nodes": 2, "runtime": "another", "restarts": 9})
    keys = [cache_keys(trained_on(smoke(), cluster), PARAMETERS)["train_model"] for cluster in (one, two, other)]
    assert keys[0] != keys[1] == keys[2]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"nodes": 2, "rendezvous": "a:1"}, r"train_model\.nodes: pods cannot start other pods .* `training:`"),
        ({"nodes": 2, "launcher": "trainer"}, r"train_model\.nodes: pods cannot"),
        ({"launcher": "deepspeed"}, r"train_model\.launcher: pods cannot"),
        ({"batch": 7}, "batch 7 must be a multiple of the processes, 2 over all nodes"),
    ],
)
def test_a_run_that_would_not_fit_the_cluster_is_refused(settings: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        trained_on(with_training(**settings), make_cluster(tmp_path, **TWO))


def test_the_nodes_of_the_cloud_fit_the_quota_of_its_namespace() -> None:
    told = trained_on(smoke(), read_profile(CLUSTERS / "cloud.yaml")).train_model
    hard = next(yaml.safe_load_all((BASE / "quota.yaml").read_text()))["spec"]["hard"]
    for kind, amount in told.trainer.resources.items():
        assert told.nodes * quantity(amount) <= quantity(hard[f"requests.{kind}"])
