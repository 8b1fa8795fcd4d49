"""Killed before, after and inside of each step, an erasure is finished with the certificate that it would have had."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.core.contracts.artifacts import Artifact, open_artifact
from components.core.contracts.errors import ConfigurationError
from components.core.contracts.records import Clip
from components.core.home import Home
from pipelines.erasure.certificate import Certificate, read_certificate
from pipelines.erasure.steps import STEPS
from pipelines.erasure.subject import Subject
from pipelines.erasure.transaction import begin, plan
from pipelines.erasure.unfinished import require_none_unfinished
from tests.pipelines.erasure.doing import certificate_in, desta, left_in, now
from tests.pipelines.erasure.killed import killed
from tests.pipelines.erasure.looking import telling_of
from tests.pipelines.results import make_corpus

_TIMES = {"ended_at", "journal", "digest", "scanned"}
INSIDE = [("corpora", 1), ("results", 3), ("runs", 1), ("removal", 2), ("removal", 9), ("dvc", 2), ("objects", 2)]


@pytest.fixture
def kept_aside(home: Home, root: Path, begun: set[bytes], tmp_path: Path) -> Callable[[], None]:
    """Brings everything back to where the erasure had only begun."""
    del begun
    places = [home.root, root, tmp_path / "remote"]
    for place in places:
        shutil.copytree(place, tmp_path / "aside" / place.name, symlinks=True)

    def back() -> None:
        for place in places:
            shutil.rmtree(place)
            shutil.copytree(tmp_path / "aside" / place.name, place, symlinks=True)

    return back


@pytest.fixture
def begun(home: Home, root: Path, results: dict[str, Artifact]) -> set[bytes]:
    """An erasure of a speaker that has only its plan; what tells of her."""
    planned = plan(Subject(kind="speaker", name="anna"), "withdrew consent", home, root)
    begin(planned, home)
    return telling_of(list(results["ingest_audio"].read(Clip)))


def content(certificate: Certificate) -> dict[str, Any]:
    return {name: value for name, value in certificate.model_dump(mode="json").items() if name not in _TIMES}


def finish(home: Home, root: Path, telling: set[bytes]) -> dict[str, Any]:
    """Finish an erasure, and return what its certificate says that time does not decide."""
    assert desta("erase", "--resume") == 0
    assert left_in(home, root, telling) == []
    require_none_unfinished(home)
    assert not (certificate_in(home).parent / "plan.json").exists()
    return content(read_certificate(certificate_in(home)))


def test_killed_before_and_after_each_step(
    home: Home, root: Path, begun: set[bytes], kept_aside: Callable[[], None]
) -> None:
    undisturbed = finish(home, root, begun)
    kept_aside()
    for step in STEPS:
        for when in ("before", "after"):
            killed(step, when)
    assert finish(home, root, begun) == undisturbed


@pytest.mark.parametrize(("step", "changes"), INSIDE)
def test_killed_inside_of_a_step(
    home: Home, root: Path, begun: set[bytes], kept_aside: Callable[[], None], step: str, changes: int
) -> None:
    undisturbed = finish(home, root, begun)
    kept_aside()
    killed(step, changes)
    assert finish(home, root, begun) == undisturbed


def test_a_run_waits_for_the_end_of_an_erasure(
    home: Home, begun: set[bytes], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    del begun
    corpus = make_corpus(tmp_path / "mine")
    (folder,) = home.erasures.iterdir()
    with pytest.raises(ConfigurationError, match=f"erasure {folder.name} was begun and not finished"):
        require_none_unfinished(home)
    capsys.readouterr()
    assert desta("run", "--profile", "smoke", "--corpus", str(corpus)) == 2
    assert desta("publish", "--no-push") == 2
    assert desta("erase", "--speaker", "boris", "--reason", "r", "--yes") == 2
    assert f"erasure {folder.name} was begun" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("changes", [1, 12])
def test_killed_while_mlflow_changes(
    downloaded: Callable[[], Path], home: Home, root: Path, begun: set[bytes], changes: int
) -> None:
    killed("mlflow", changes)
    assert desta("erase", "--resume") == 0
    assert left_in(home, root, begun) == []
    assert open_artifact(downloaded(), "report").digest == now(home, "evaluate_model").digest
