"""What cannot be erased, or not now, is said in one line, and nothing is lost."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.core.contracts.artifacts import Artifact
from components.core.home import Home
from pipelines.erasure.subject import Subject
from pipelines.erasure.transaction import begin, plan
from pipelines.lock import run_lock
from tests.conftest import REPOSITORY
from tests.pipelines.erasure.doing import certificate_in, desta, erase


def contents(*folders: Path) -> dict[str, bytes]:
    """Every file but locks, and what SQLite and DVC write while they look."""
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    passing = ("run.lock", "file_digests.sqlite", "/.dvc/tmp/")
    return {str(file): file.read_bytes() for file in files if not any(name in str(file) for name in passing)}


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--reason", "r"], "name one of --speaker NAME, --clip ID and --source CORPUS/PATH"),
        (["--speaker", "anna", "--clip", "0" * 64, "--reason", "r"], "name one of"),
        (["--speaker", "anna"], "--reason: is missing"),
        (["--speaker", "anna", "--reason", "  "], "--reason: is empty"),
        (["--speaker", "anna", "--reason", "a\nb"], "--reason: has a line break or a control character"),
        (["--speaker", "a\x00b", "--reason", "r"], "want a name without control characters"),
        (["--speaker", "nobody", "--reason", "r"], "nothing of it is here"),
        (["--clip", "voices/audio", "--reason", "r"], "nothing of it is here"),
        (["--source", "voices/audio/none.flac", "--reason", "r"], "nothing of it is here"),
        (["--speaker", "anna", "--reason", "r"], "nobody can be asked here; --yes says that the plan is meant"),
        (["--resume"], "no erasure waits to be finished"),
        (["--resume", "--speaker", "anna"], "--resume goes on with what was begun"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    home: Home, root: Path, results: dict[str, Artifact], capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    del results
    before = contents(home.root, root / "data", root.parent / "remote")
    capsys.readouterr()
    assert desta("erase", *argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert said in line
    assert contents(home.root, root / "data", root.parent / "remote") == before


def test_a_dry_run_only_shows(
    home: Home, root: Path, results: dict[str, Artifact], capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(home.root, root, root.parent / "remote")
    capsys.readouterr()
    assert erase("--speaker", "anna", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [result["stage"] for result in told["results"]] == [
        "ingest_audio",
        "extract_metadata",
        "self_generate",
        "validate_data",
        "evaluate_model",
    ]
    assert [model["digest"] for model in told["models"]] == [results["train_model"].digest]
    assert contents(home.root, root, root.parent / "remote") == before


def test_it_waits_for_no_run(home: Home, results: dict[str, Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    del results
    with run_lock(home, "r7"):
        capsys.readouterr()
        assert erase("--speaker", "anna") == 2
    assert "run r7 is under way" in capsys.readouterr().err


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    "damage", [lambda file: file.write_text("{"), lambda file: file.write_bytes(file.read_bytes()[:900])]
)
def test_a_broken_plan_is_named(
    home: Home, root: Path, results: dict[str, Artifact], capsys: pytest.CaptureFixture[str], damage: Damage
) -> None:
    del results
    folder = begin(plan(Subject(kind="speaker", name="anna"), "r", home, root), home)
    damage(folder.folder / "plan.json")
    capsys.readouterr()
    assert desta("erase", "--resume") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{folder.folder / 'plan.json'}: damaged" in line


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace('"reason": "', '"reason": "not '), "is not what was certified"),
        (lambda text: text[: len(text) // 2], "no certificate of an erasure"),
        (lambda text: text[:0], "no certificate of an erasure"),
    ],
)
def test_a_certificate_that_was_changed_is_refused(
    home: Home,
    results: dict[str, Artifact],
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[str], str],
    said: str,
) -> None:
    del results
    assert erase("--speaker", "anna") == 0
    file = certificate_in(home)
    file.write_text(damage(file.read_text()))
    capsys.readouterr()
    assert desta("verify", "--erased", str(file)) == 1
    assert said in capsys.readouterr().err
    assert desta("verify", "--erased", str(file.with_name("none.json"))) == 2


def limited(home: Home, root: Path, largest: int) -> subprocess.CompletedProcess[str]:
    """Go on with an erasure where no file may be larger than so many bytes, as on a disk that is full."""
    script = (
        "import resource, signal, sys; from pathlib import Path; from pipelines import sample_data; "
        "from pipelines.cli import main; sample_data.ROOT = Path(sys.argv[1]); "
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest})); main(['erase', '--resume'])"
    )
    environment = {**os.environ, "DESTA_HOME": str(home.root), "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", script, str(root)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_on_a_full_disk_it_says_so_and_goes_on_later(home: Home, root: Path, results: dict[str, Artifact]) -> None:
    del results
    begin(plan(Subject(kind="speaker", name="anna"), "r", home, root), home)
    done = limited(home, root, 3000)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("error: ")
    assert "could not write" in last
    assert desta("erase", "--resume") == 0
    assert desta("verify", "--erased", str(certificate_in(home))) == 0


def test_a_remote_that_refuses_is_named_and_nothing_is_lost(
    home: Home,
    root: Path,
    results: dict[str, Artifact],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    del results
    remove = os.remove

    def refusing(path: object, **named: object) -> None:
        if "/remote/files/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        remove(path, **named)  # type: ignore[arg-type]

    # These tests may run as root, whom no permission stops.
    monkeypatch.setattr(os, "remove", refusing)
    monkeypatch.setattr(os, "unlink", refusing)
    capsys.readouterr()
    assert erase("--speaker", "anna") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert "DVC cannot remove from its remote" in last
    assert "Permission denied" in last
    monkeypatch.undo()
    from pipelines import sample_data

    monkeypatch.setattr(sample_data, "ROOT", root)
    monkeypatch.setenv("DESTA_HOME", str(home.root))
    assert desta("erase", "--resume") == 0
    assert desta("verify", "--erased", str(certificate_in(home))) == 0
