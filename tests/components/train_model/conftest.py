"""The small world is made once for all tests of this folder; jobs of several nodes have a home and a short patience."""

from pathlib import Path

import pytest
from kubernetes.config import kube_config

from components.core.models.store import StoredModel
from components.train_model import cluster, train_job
from components.train_model.training_job import TrainingJob
from tests.components.train_model.making import World, make_world
from tests.components.train_model.train_jobs import make_job


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, llm: StoredModel, encoder: StoredModel) -> World:
    """Models and inputs that take a second to train with."""
    return make_world(tmp_path_factory.mktemp("world"), llm, encoder)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingJob:
    """A job in a home, and a short patience."""
    monkeypatch.setenv("DESTA_HOME", str(tmp_path))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "config"))
    monkeypatch.setattr(train_job, "_LOOK_S", 0.01)
    monkeypatch.setattr(train_job, "_LATE_S", 0.1)
    monkeypatch.setattr(cluster, "_LOOK_S", 0.01)
    return make_job(tmp_path)
