"""What a run says of its code and its machine."""

import json
import socket
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from components.core.home import Home
from components.core.runs import write_run
from pipelines.bundle.surroundings import CODE, ENVIRONMENT, code_of, environment, keep_surroundings
from tests.pipelines.results import make_run_record


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "pipelines").mkdir(parents=True)
    (root / "pipelines" / "run.py").write_text("run()\n")
    git(tmp_path, "init", "--quiet", str(root))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "-m", "first")
    return root


def test_the_commit_of_a_checkout_is_told_and_whether_it_was_changed(checkout: Path) -> None:
    clean = code_of(checkout, "d")
    assert (clean.digest, clean.commit, clean.dirty) == ("d", git(checkout, "rev-parse", "HEAD"), False)
    (checkout / "notes.txt").write_text("no code\n")
    assert code_of(checkout, "d").dirty is False
    (checkout / "pipelines" / "more.py").write_text("more()\n")
    assert code_of(checkout, "d").dirty is True


def test_code_within_somebody_else_s_checkout_has_no_commit(checkout: Path, tmp_path: Path) -> None:
    for root in (checkout / "pipelines", tmp_path):
        found = code_of(root, "d")
        assert (found.commit, found.dirty) == (None, None)


def test_without_git_there_is_no_commit(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert code_of(checkout, "d").commit is None


def test_every_distribution_is_named_with_its_version_and_no_host() -> None:
    found = environment()
    assert found.distributions["pydantic"] == version("pydantic")
    assert found.distributions["torch"] == version("torch")
    assert found.cores > 0
    assert socket.gethostname() not in found.model_dump_json(exclude={"distributions"})


def test_both_files_lie_in_the_folder_of_the_run(home: Home) -> None:
    write_run(home.runs / "r1", make_run_record(code_version="abc"))
    keep_surroundings(home.runs / "r1")
    assert json.loads((home.runs / "r1" / CODE).read_text())["digest"] == "abc"
    assert json.loads((home.runs / "r1" / ENVIRONMENT).read_text())["python"].startswith("CPython 3.11")
