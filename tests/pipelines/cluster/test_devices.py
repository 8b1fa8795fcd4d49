"""What the pods of a stage hold at once, by a cluster's profile."""

from pathlib import Path
from typing import Any

import pytest

from components.core.stages import STAGES
from pipelines.cluster.devices import computed_on, counted, held
from pipelines.cost.devices import CORE, Devices
from tests.pipelines.cluster.making import content_of, make_cluster

GPU = "NVIDIA H100 80GB HBM3"


def test_shards_and_nodes_hold_their_accelerators_at_once(tmp_path: Path) -> None:
    cluster = make_cluster(tmp_path, "cloud")
    assert held("extract_metadata", cluster) == Devices(name=GPU, count=1)
    assert held("self_generate", cluster) == Devices(name=GPU, count=8)
    assert held("train_model", cluster) == Devices(name=GPU, count=4)
    assert held("ingest_audio", cluster) == Devices(name=CORE, count=8)
    assert counted(cluster) == Devices(name=GPU, count=1)


@pytest.mark.parametrize(("cpu", "shards", "cores"), [("500m", 1, 1), ("500m", 3, 2), ("1.5", 2, 3), ("2", 4, 8)])
def test_parts_of_cores_are_rounded_up_over_all_pods(tmp_path: Path, cpu: str, shards: int, cores: int) -> None:
    stages: dict[str, Any] = content_of()["stages"]
    placed = {**stages, "self_generate": {**stages["self_generate"], "cpu": cpu}}
    cluster = make_cluster(tmp_path, stages=placed, shards=shards)
    assert held("self_generate", cluster) == Devices(name=CORE, count=cores)
    assert counted(cluster).name == CORE


def test_what_servers_compute_is_not_on_the_account_of_a_run(tmp_path: Path) -> None:
    names = {stage.name for stage in STAGES}
    assert computed_on(make_cluster(tmp_path, "cloud")).keys() == names
    assert computed_on(make_cluster(tmp_path, "onprem")).keys() == names - {"self_generate"}
