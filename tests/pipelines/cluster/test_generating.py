"""Who answers for self_generate on a cluster: the shards over the GPUs that they have, or the cluster's own servers."""

from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.errors import ConfigurationError
from components.self_generate.settings import SelfGenerateSettings
from pipelines.cluster.profile import ClusterProfile
from pipelines.cluster.submitting import parameters_on, placed_on
from pipelines.profiles import profile_named, with_overrides
from tests.pipelines.cluster.making import content_of, make_cluster


def with_gpus(folder: Path, count: int) -> ClusterProfile:
    stages = content_of("cloud")["stages"]
    gpus = {"accelerator": {"type": "nvidia.com/gpu", "count": count}}
    return make_cluster(folder, "cloud", stages={**stages, "self_generate": {**stages["self_generate"], **gpus}})


def told(cluster: ClusterProfile, *overrides: str) -> dict[str, Any]:
    """What self_generate is told on a cluster, by the pipeline's parameter."""
    profile = with_overrides(profile_named("smoke"), overrides)
    settings: dict[str, Any] = parameters_on(placed_on(profile, cluster), cluster, "data")["self_generate_settings"]
    assert settings == SelfGenerateSettings(**settings).model_dump(mode="json")
    return settings


def test_a_shard_spreads_the_model_over_the_gpus_that_its_task_has(tmp_path: Path) -> None:
    assert told(with_gpus(tmp_path, 4))["tensor_parallel"] == 4
    assert told(make_cluster(tmp_path, "laptop"))["tensor_parallel"] == 1


def test_the_servers_of_the_cluster_are_asked_each_by_its_name(tmp_path: Path) -> None:
    settings = told(make_cluster(tmp_path, "onprem"))
    assert settings["server"] == "http://vllm-0.generator:8000,http://vllm-1.generator:8000"
    assert settings["tensor_parallel"] == 1


def test_a_server_that_the_run_names_is_asked_instead(tmp_path: Path) -> None:
    for cluster in (make_cluster(tmp_path, "onprem"), with_gpus(tmp_path, 4)):
        settings = told(cluster, "self_generate.server=http://mine:8000")
        assert (settings["server"], settings["tensor_parallel"]) == ("http://mine:8000", 1)


@pytest.mark.parametrize("gpus", ["1", "2"])
def test_how_many_gpus_stands_in_one_place(gpus: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^self_generate\.tensor_parallel: on a cluster .* profile of cloud$"):
        told(with_gpus(tmp_path, 2), f"self_generate.tensor_parallel={gpus}")


def test_what_the_cluster_says_leaves_every_key_as_it_is(tmp_path: Path) -> None:
    asked = SelfGenerateSettings(**told(make_cluster(tmp_path, "onprem")))
    assert asked.deciding() == profile_named("smoke").self_generate.deciding()
