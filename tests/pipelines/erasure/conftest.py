"""A checkout with corpora of its own under DVC, made once and copied for each test, and a home with results of it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.home import Home
from components.core.registry import EVALUATION_RUN, Decider, Registry
from components.core.tracking import RunTracking
from pipelines import sample_data
from tests.pipelines.erasure.making import RUN, make_corpora, make_home
from tests.pipelines.publish.conftest import git


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Git and DVC whose remote has two revisions of data/."""
    from dvc.repo import Repo

    folder = tmp_path_factory.mktemp("kept")
    root = folder / "root"
    make_corpora(root)
    (root / ".gitignore").write_text("/data\n")
    (root / ".dvcignore").write_text(".*.draft\n")
    git(folder, "init", "--quiet", "--initial-branch=main", str(root))
    with Repo.init(str(root)):
        (root / ".dvc" / "config").write_text(
            "[core]\n    remote = shared\n['remote \"shared\"']\n    url = ../../remote\n"
        )
    for line in ("a first note\n", "a second note\n"):
        (root / "data" / "note.txt").write_text(line)
        with Repo(str(root)) as repository:
            repository.add([str(root / "data")])
            repository.push()
        git(root, "add", ".")
        git(root, "commit", "--quiet", "-m", line)
    return folder


@pytest.fixture
def root(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one test's own, with its own remote beside it."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    monkeypatch.setattr(sample_data, "ROOT", tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture
def results(home: Home, root: Path) -> dict[str, Artifact]:
    """The results of a run about the corpora of the checkout, by stage."""
    return make_home(home, root)


@pytest.fixture
def registered(home: Home, results: dict[str, Artifact]) -> str:
    """The run in MLflow, its model registered and champion; returns the version."""
    del results
    tracker = RunTracking(home, home.runs / RUN)
    version = tracker.register().version
    tracker.close("FINISHED")
    Registry(home).move(version, "the first", Decider.POLICY)
    return version


@pytest.fixture
def downloaded(home: Home, registered: str, tmp_path: Path) -> Callable[[], Path]:
    """Brings the evaluation of the registered version from MLflow."""

    def download() -> Path:
        (folder := tmp_path / "downloaded").mkdir()
        return Registry(home).download(Registry(home).version(registered).tags[EVALUATION_RUN], folder)

    return download
