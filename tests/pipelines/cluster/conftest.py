import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from components.core.home import Home
from components.core.models.store import StoredModel
from pipelines.cluster import standing
from pipelines.profiles import smoke
from tests.pipelines.cluster.kubeflow import Kubeflow, serving
from tests.pipelines.cluster.pods import Pods
from tests.pipelines.images.making import write_pushed
from tests.pipelines.results import make_corpus


@pytest.fixture(autouse=True)
def _images_were_pushed(home: Home) -> None:
    write_pushed(home)


@pytest.fixture
def kubeflow() -> Iterator[Kubeflow]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's tables with nothing in them, which take seconds to make."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def pods(
    home: Home,
    empty_database: Path,
    tmp_path: Path,
    encoder: StoredModel,
    llm: StoredModel,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Pods:
    for variable in ("MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "OPENLINEAGE_URL", "DESTA_SIGNING_KEY"):
        monkeypatch.delenv(variable, raising=False)
    home.root.mkdir(exist_ok=True)
    shutil.copy(empty_database, home.root)
    profile = replace(smoke(), corpora=(make_corpus(tmp_path / "sounds"),), encoder=encoder.ref, llm=llm.ref)
    return Pods(home, profile, monkeypatch, capsys)


@pytest.fixture
def alone(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands find no cluster but that of the test, and wait for it without patience."""
    del home
    for variable in ("KFP_HOST", "KFP_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(standing, "_POLL_S", 0.01)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "recordings")
