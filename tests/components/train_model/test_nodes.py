"""A training on two nodes for real: the command of the pods, as process groups that meet as Trainer lets them meet."""

import functools
from pathlib import Path
from typing import Any

import pytest
from kubernetes.config import kube_config

from components.train_model.launch import launch
from tests.components.train_model.kubernetes_api import kubernetes
from tests.components.train_model.making import World, attempted, file_of, losses
from tests.components.train_model.torchrun_nodes import TorchrunNodes

ON_NODES: dict[str, Any] = {
    "nodes": 2,
    "launcher": "trainer",
    "trainer": {"restarts": 1, "restart_s": 0.1, "resources": {"cpu": "1", "memory": "2Gi"}},
    "batch": 4,
    "steps": 24,
    "checkpoint_every": 8,
}


def test_a_node_that_is_killed_changes_nothing_in_the_model(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESTA_HOME", str(world.store.parent))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    undisturbed, job = (world.job(world.store.parent / name, **ON_NODES) for name in ("one go", "on nodes"))

    dies = functools.partial(TorchrunNodes, folder=tmp_path, dies_at=job.checkpoints / "step-0000008")
    with kubernetes(tmp_path, dies, functools.partial(TorchrunNodes, folder=tmp_path)) as cluster:
        launch(job)

    said = capfd.readouterr().err
    assert "ended with code 247" in said
    assert "goes on from step-0000008" in said
    assert "node-0: " in said
    assert len(cluster.made) == len(cluster.deleted) == 2
    attempted(tmp_path, [{"job": file_of(undisturbed)}])
    assert losses(Path(job.folder)) == losses(Path(undisturbed.folder))
    name = "adapter.safetensors"
    assert (job.model / name).read_bytes() == (undisturbed.model / name).read_bytes()
