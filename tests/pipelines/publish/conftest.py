"""A checkout whose data/ DVC keeps, with a remote outside of Git, made once and copied for each test."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipelines import sample_data


def git(folder: Path, *arguments: str) -> str:
    """Run Git as somebody."""
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Git and DVC with some data, as it comes from a clone and a pull."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("checkout") / "root"
    (root / "data" / "corpora").mkdir(parents=True)
    (root / "data" / "corpora" / "note.txt").write_text("a corpus\n")
    (root / ".gitignore").write_text("/data\n")
    (root / ".dvcignore").write_text(".*.draft\n")
    git(root.parent, "init", "--quiet", "--initial-branch=main", str(root))
    with Repo.init(str(root)) as repository:
        (root / ".dvc" / "config").write_text(
            "[core]\n    remote = shared\n['remote \"shared\"']\n    url = ../../remote\n"
        )
        repository.add([str(root / "data")])
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "data")
    return root


@pytest.fixture
def checkout(committed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of one test's own, which the command takes for the repository that it is in."""
    root = tmp_path / "root"
    shutil.copytree(committed, root)
    monkeypatch.setattr(sample_data, "ROOT", root)
    return root
