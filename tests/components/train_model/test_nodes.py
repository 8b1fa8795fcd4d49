"""The stage on two nodes for real: the command of the pods, as processes that meet as Trainer lets them meet."""

import functools
import json
import shutil
from pathlib import Path

import pytest
from kubernetes.config import kube_config

from components.core.contracts.artifacts import open_artifact, read_manifest
from components.core.contracts.errors import ConfigurationError
from components.core.home import Home
from components.train_model.__main__ import main
from components.train_model.training_job import TrainingJob, shared_folder
from tests.components.train_model.kubernetes_api import Manifest, kubernetes
from tests.components.train_model.making import SMALL, World, attempted, losses
from tests.components.train_model.torchrun_nodes import TorchrunNodes

STEPS = {**SMALL, "batch": 4, "steps": 24, "checkpoint_every": 8}
NODES = {"restarts": 1, "restart_s": 0.1, "resources": {"cpu": "1", "memory": "2Gi"}}
ON_NODES = {**STEPS, "nodes": 2, "launcher": "trainer", "trainer": json.dumps(NODES)}


def test_a_node_that_is_killed_changes_nothing_in_the_model(
    home: Home, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DESTA_MODELS", str(world.store))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    for folder in (world.accepted, world.clips):
        stored(folder, home)
    nodes = functools.partial(TorchrunNodes, folder=tmp_path)

    def dies(job: Manifest, pod: Manifest) -> TorchrunNodes:
        (file,) = map(Path, job["spec"]["trainer"]["args"])
        shutil.copyfile(file, tmp_path / "job.json")
        return nodes(job, pod, dies_at=file.parent / "checkpoints" / "step-0000008")

    with kubernetes(tmp_path, dies, nodes) as server:
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in ON_NODES.items()]
        main([*world.inputs, "--model", str(tmp_path / "out"), *flags])

    said = capfd.readouterr().err
    assert "-node-0-1-x7f2q: ended with code 247" in said
    assert "goes on from step-0000008 in 0.1 s" in said
    assert any(line.startswith("node-0: train_model: ") for line in said.splitlines())
    assert len(server.made) == len(server.deleted) == 2
    undisturbed = undisturbed_of(tmp_path / "job.json", tmp_path / "one go")
    assert losses(tmp_path / "out") == losses(Path(undisturbed.folder))
    name = "adapter.safetensors"
    assert (tmp_path / "out" / name).read_bytes() == (undisturbed.model / name).read_bytes()


def stored(folder: Path, home: Home) -> Path:
    """Put a result where the store of a home has it."""
    lineage = read_manifest(folder).lineage
    place = home.store / lineage.stage / lineage.key
    return Path(shutil.copytree(folder, place))


def undisturbed_of(file: Path, folder: Path) -> TrainingJob:
    """Train a job in one go, in as many processes."""
    job = TrainingJob.model_validate_json(file.read_bytes()).model_copy(update={"folder": str(folder)})
    folder.mkdir()
    (folder / "job.json").write_text(job.model_dump_json())
    (ended,) = attempted(folder, [{"job": str(folder / "job.json")}])
    assert ended.code == 0, ended.said
    return job


def test_nodes_read_an_artifact_in_the_store_and_not_in_the_pod_that_watches_them(home: Home, world: World) -> None:
    artifact = open_artifact(world.accepted)
    with pytest.raises(ConfigurationError, match=r"is not in the store of .*home, where the nodes of a training look"):
        shared_folder(artifact, home)
    folder = stored(world.accepted, home)
    assert shared_folder(artifact, home) == folder


def test_another_artifact_under_the_same_key_is_not_taken_for_it(home: Home, world: World) -> None:
    artifact = open_artifact(world.accepted)
    lineage = artifact.manifest.lineage
    shutil.copytree(world.clips, home.store / lineage.stage / lineage.key)
    with pytest.raises(ConfigurationError, match="is not in the store"):
        shared_folder(artifact, home)
